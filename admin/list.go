package admin

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// ClientFilter narrows a list of clients. The zero value of a field does not narrow.
type ClientFilter struct {
	OrgID  string
	Status oauth.Status
	Search string
	// API narrows to clients that are granted a permission of this API, and Permission, a scope, to that one.
	API        string
	Permission string
	// Where narrows to clients that hold something at this tenant: there by name, in what contains it (the whole
	// org, or the account of a workspace), or, for an account, in one of its workspaces.
	Where string
	// UnusedFor narrows to clients that are older than this, and were issued no token for so long.
	UnusedFor time.Duration
	// SecretExpiresWithin narrows to clients of which a secret that no rotation replaces expires within this.
	SecretExpiresWithin time.Duration
	Attention           Attention
	Sort                ClientSort
}

// List answers a page of the clients the actor sees.
func (r *Registrar) List(ctx context.Context, actor Actor, filter ClientFilter, page PageRequest) (Page[ClientRow], error) {
	if err := actor.require(CredentialsRead); err != nil {
		return Page[ClientRow]{}, err
	}
	if filter.OrgID != "" && !actor.Sees(filter.OrgID) {
		return Page[ClientRow]{}, nil
	}
	query := ClientQuery{
		Org: cmp.Or(filter.OrgID, actor.Org), Status: filter.Status, Search: filter.Search, API: filter.API,
		UnusedFor: filter.UnusedFor, SecretExpiresWithin: filter.SecretExpiresWithin, Attention: filter.Attention,
		Now: r.now(), Sort: cmp.Or(filter.Sort, ByName),
	}
	if filter.Permission != "" {
		api, permission, _ := strings.Cut(filter.Permission, ":")
		if filter.API != "" && filter.API != api {
			return Page[ClientRow]{}, nil
		}
		query.API, query.Permission = api, permission
	}
	if some, err := r.narrowTo(ctx, &query, filter.Where); !some || err != nil {
		return Page[ClientRow]{}, err
	}
	// A cursor belongs to what was asked for, and not to the moment it was asked at.
	list := struct {
		Org string
		ClientFilter
	}{query.Org, filter}
	return paginate(r.cursors, list, page,
		func(after *ClientPosition, limit int) ([]ClientRow, error) {
			query.After, query.Limit = after, limit
			return r.store.Clients(ctx, query)
		},
		func(row *ClientRow) ClientPosition { return row.Position })
}

// narrowTo narrows the query to a tenant, and answers whether there can be any client then. A tenant of an org that
// is out of the query's reach is one that does not exist.
func (r *Registrar) narrowTo(ctx context.Context, query *ClientQuery, where string) (bool, error) {
	if where == "" {
		return true, nil
	}
	tenant, err := r.store.Tenant(ctx, where)
	switch {
	case errors.Is(err, oauth.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case query.Org != "" && query.Org != tenant.OrgID:
		return false, nil
	}
	query.Org = tenant.OrgID
	switch tenant.Level {
	case oauth.LevelAccount:
		query.Places, query.PlacesIn = []string{tenant.ID, tenant.OrgID}, tenant.ID
	case oauth.LevelWorkspace:
		query.Places = []string{tenant.ID, tenant.ParentID, tenant.OrgID}
	}
	return true, nil
}
