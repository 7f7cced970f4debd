package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// The forms in which events are answered.
const (
	pagesOfJSON = "application/json"
	jsonLines   = "application/jsonl"
)

// exportPatience is how long the reader of an export may take over one part of it.
const exportPatience = 30 * time.Second

// ListEvents answers GET /admin/v1/events: the audit trail, in pages or as an export.
func (a *API) ListEvents(c *gin.Context) {
	q := queryOf(c, "from", "to", "actor", "action", "target", "org_id", "limit", "cursor")
	a.listEvents(c, q, q.text("target"))
}

// ListCredentialEvents answers GET /admin/v1/credentials/{client_id}/events, also for a deleted credential.
func (a *API) ListCredentialEvents(c *gin.Context) {
	id := c.Param("client_id")
	if err := a.existed(c, id); err != nil {
		a.fail(c, err)
		return
	}
	a.listEvents(c, queryOf(c, "from", "to", "actor", "action", "org_id", "limit", "cursor"), id)
}

// existed answers ErrNotFound if there is no credential of this id within the caller's reach, and no event tells that
// there was.
func (a *API) existed(c *gin.Context, id string) error {
	_, missing := a.registrar.Client(c.Request.Context(), actorOf(c), id)
	if !errors.Is(missing, oauth.ErrNotFound) {
		return nil
	}
	events, err := a.trail.Events(c.Request.Context(), actorOf(c), admin.EventFilter{Target: id}, admin.PageRequest{Limit: 1})
	switch {
	case err != nil && !errors.As(err, new(*admin.ForbiddenError)):
		return err
	case len(events.Rows) == 0:
		return missing
	}
	return nil
}

func (a *API) listEvents(c *gin.Context, q *query, target string) {
	filter := admin.EventFilter{
		OrgID: q.text("org_id"), Actor: q.text("actor"), Action: q.text("action"), Target: target,
		From: q.time("from"), To: q.time("to"),
	}
	request := q.page()
	c.Header("Vary", "Accept")
	export := c.NegotiateFormat(pagesOfJSON, jsonLines) == jsonLines
	if export && (request.Limit != 0 || request.Cursor != "") {
		q.refuse("limit", "an export is not in pages")
	}
	if !q.ok(a, c) {
		return
	}
	if export {
		a.exportEvents(c, filter)
		return
	}
	rows, err := a.trail.Events(c.Request.Context(), actorOf(c), filter, request)
	if err != nil {
		a.fail(c, err)
		return
	}
	writePage(c, rows, eventOf)
}

// exportEvents streams the events, the oldest first, one JSON object a line. It may last longer than other requests, as
// long as somebody reads it. When it fails on the way the connection breaks, so that half an export does not look whole.
func (a *API) exportEvents(c *gin.Context, filter admin.EventFilter) {
	connection := http.NewResponseController(c.Writer)
	encoder := json.NewEncoder(c.Writer)
	encoder.SetEscapeHTML(false)
	err := a.trail.Export(context.WithoutCancel(c.Request.Context()), actorOf(c), filter, func(rows []admin.EventRow) error {
		if err := connection.SetWriteDeadline(time.Now().Add(exportPatience)); err != nil {
			return err
		}
		c.Header("Content-Type", jsonLines)
		c.Status(http.StatusOK)
		for i := range rows {
			if err := encoder.Encode(eventOf(&rows[i])); err != nil {
				return err
			}
		}
		return connection.Flush()
	})
	switch {
	case err != nil && !c.Writer.Written():
		a.fail(c, err)
	case err != nil:
		c.Error(err)
		panic(http.ErrAbortHandler)
	}
}
