package rest

import (
	"context"
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

// PutTenant answers PUT /admin/v1/tenants/{id}: it makes the tenant, or replaces what may change of it.
func (a *API) PutTenant(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.putCondition(c)
	if !ok {
		return
	}
	declared, ok := decode[admin.DeclaredTenant](a, c, "application/json")
	if !ok || !a.named(c, &declared.ID, "id") {
		return
	}
	row, created, err := a.tree.Put(c.Request.Context(), actorOf(c), declared, only)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etag(row.Version))
	c.PureJSON(a.putStatus(c, created, "/admin/v1/tenants/"+row.ID), tenantOf(row))
}

// DeleteTenant answers DELETE /admin/v1/tenants/{id}.
func (a *API) DeleteTenant(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatch(c)
	if !ok {
		return
	}
	if err := a.tree.Delete(c.Request.Context(), actorOf(c), c.Param("id"), only); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// ActivateTenant answers POST /admin/v1/tenants/{id}/activate.
func (a *API) ActivateTenant(c *gin.Context) { a.switchTenant(c, a.tree.Activate) }

// DeactivateTenant answers POST /admin/v1/tenants/{id}/deactivate.
func (a *API) DeactivateTenant(c *gin.Context) { a.switchTenant(c, a.tree.Deactivate) }

func (a *API) switchTenant(c *gin.Context, act func(context.Context, admin.Actor, string) (*admin.TenantRow, error)) {
	if !queryOf(c).ok(a, c) {
		return
	}
	row, err := act(c.Request.Context(), actorOf(c), c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etag(row.Version))
	c.PureJSON(http.StatusOK, tenantOf(row))
}
