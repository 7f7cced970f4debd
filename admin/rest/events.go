package rest

import (
	"github.com/gin-gonic/gin"
)

// ListEvents answers GET /admin/v1/events: the audit trail, the newest event first.
func (a *API) ListEvents(c *gin.Context) { a.listEvents(c, "") }

// ListCredentialEvents answers GET /admin/v1/credentials/{client_id}/events, also for a deleted credential.
func (a *API) ListCredentialEvents(c *gin.Context) { a.listEvents(c, c.Param("client_id")) }

func (a *API) listEvents(c *gin.Context, target string) {
	q := queryOf(c, "limit", "cursor")
	request := q.page()
	if !q.ok(a, c) {
		return
	}
	rows, err := a.trail.Events(c.Request.Context(), actorOf(c), target, request)
	if err != nil {
		a.fail(c, err)
		return
	}
	writePage(c, rows, eventOf)
}
