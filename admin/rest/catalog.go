package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"
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
