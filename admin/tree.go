package admin

import (
	"context"
)

// Tree is the orgs, accounts and workspaces. An actor sees the part of it within its reach.
type Tree struct {
	Store   TenantStore
	Cursors CursorKey
}

// TenantFilter narrows a list of tenants. Without Parent and Search it lists the orgs.
type TenantFilter struct {
	Parent string
	Search string
}

// Tenants answers a page of the tree.
func (t Tree) Tenants(ctx context.Context, actor Actor, filter TenantFilter, page PageRequest) (Page[TenantRow], error) {
	if err := actor.require(CatalogRead); err != nil {
		return Page[TenantRow]{}, err
	}
	query := TenantQuery{
		Org: actor.Org, Parent: filter.Parent, Search: filter.Search,
		Roots: filter.Parent == "" && filter.Search == "",
	}
	if filter.Parent != "" {
		if _, err := t.Tenant(ctx, actor, filter.Parent); err != nil {
			return Page[TenantRow]{}, err
		}
	}
	return paginate(t.Cursors, query, page,
		func(after *TenantPosition, limit int) ([]TenantRow, error) {
			query.After, query.Limit = after, limit
			return t.Store.Tenants(ctx, query)
		},
		func(row *TenantRow) TenantPosition { return TenantPosition{Name: row.Name, ID: row.ID} })
}

// Tenant answers one tenant.
func (t Tree) Tenant(ctx context.Context, actor Actor, id string) (*TenantRow, error) {
	if err := actor.require(CatalogRead); err != nil {
		return nil, err
	}
	tenant, err := t.Store.Tenant(ctx, id)
	if err != nil {
		return nil, err
	}
	if !actor.Sees(tenant.OrgID) {
		return nil, notFound("tenant", id)
	}
	return tenant, nil
}
