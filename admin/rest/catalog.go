package rest

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// ListAPIs answers GET /admin/v1/apis: the whole catalogue on one page.
func (a *API) ListAPIs(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	apis, err := a.catalog.APIs(c.Request.Context(), actorOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	body := page[api]{Data: make([]api, len(apis))}
	for i := range apis {
		body.Data[i] = apiOf(&apis[i])
	}
	c.PureJSON(http.StatusOK, body)
}

// GetAPI answers GET /admin/v1/apis/{key}.
func (a *API) GetAPI(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	found, err := a.catalog.API(c.Request.Context(), actorOf(c), c.Param("key"))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etag(found.Version))
	c.PureJSON(http.StatusOK, apiOf(found))
}

// PutAPI answers PUT /admin/v1/apis/{key}: it makes the API, or replaces it.
func (a *API) PutAPI(c *gin.Context) {
	q := queryOf(c, "dry_run", "force")
	options := admin.PutOptions{DryRun: q.dryRun(), Force: q.flag("force")}
	if !q.ok(a, c) {
		return
	}
	var ok bool
	if options.Only, ok = a.putCondition(c); !ok {
		return
	}
	declared, ok := decode[admin.DeclaredAPI](a, c, "application/json")
	if !ok || !a.named(c, &declared.Key, "key") {
		return
	}
	outcome, err := a.catalog.Put(c.Request.Context(), actorOf(c), declared, options)
	if err != nil {
		a.fail(c, err)
		return
	}
	if options.DryRun {
		c.PureJSON(http.StatusOK, struct {
			Created bool                    `json:"created"`
			Changes map[string]admin.Change `json:"changes"`
			Lost    []loss                  `json:"lost"`
		}{outcome.Created, orNone(outcome.Changes), lossesOf(outcome.Lost)})
		return
	}
	c.Header("ETag", etag(outcome.API.Version))
	c.PureJSON(a.putStatus(c, outcome.Created, "/admin/v1/apis/"+outcome.API.Key), struct {
		api
		Lost []loss `json:"lost"`
	}{apiOf(outcome.API), lossesOf(outcome.Lost)})
}

// DeleteAPI answers DELETE /admin/v1/apis/{key}.
func (a *API) DeleteAPI(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatch(c)
	if !ok {
		return
	}
	if err := a.catalog.Delete(c.Request.Context(), actorOf(c), c.Param("key"), only); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// ActivateAPI answers POST /admin/v1/apis/{key}/activate.
func (a *API) ActivateAPI(c *gin.Context) { a.switchAPI(c, a.catalog.Activate) }

// DeactivateAPI answers POST /admin/v1/apis/{key}/deactivate.
func (a *API) DeactivateAPI(c *gin.Context) { a.switchAPI(c, a.catalog.Deactivate) }

func (a *API) switchAPI(c *gin.Context, act func(context.Context, admin.Actor, string) (*oauth.API, error)) {
	if !queryOf(c).ok(a, c) {
		return
	}
	found, err := act(c.Request.Context(), actorOf(c), c.Param("key"))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etag(found.Version))
	c.PureJSON(http.StatusOK, apiOf(found))
}
