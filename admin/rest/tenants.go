package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
)

// ListTenants answers GET /admin/v1/tenants: the orgs, a tenant's children, or what a search finds.
func (a *API) ListTenants(c *gin.Context) {
	q := queryOf(c, "parent", "q", "limit", "cursor")
	filter := admin.TenantFilter{Parent: q.text("parent"), Search: q.text("q")}
	request := q.page()
	if !q.ok(a, c) {
		return
	}
	rows, err := a.tree.Tenants(c.Request.Context(), actorOf(c), filter, request)
	if err != nil {
		a.fail(c, err)
		return
	}
	writePage(c, rows, tenantOf)
}

// GetTenant answers GET /admin/v1/tenants/{id}.
func (a *API) GetTenant(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	found, err := a.tree.Tenant(c.Request.Context(), actorOf(c), c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etag(found.Version))
	c.PureJSON(http.StatusOK, tenantOf(found))
}
