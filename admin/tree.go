package admin

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Tree is the orgs, accounts and workspaces. An actor sees and changes the part of it within its reach; orgs are
// changed by actors of the whole installation alone. Every change leaves an Event.
type Tree struct {
	Store   Store
	Cursors CursorKey
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
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
	return t.visible(ctx, actor, CatalogRead, id)
}

// visible answers a tenant that lies within the actor's reach, if the actor holds the permission.
func (t Tree) visible(ctx context.Context, actor Actor, permission, id string) (*TenantRow, error) {
	if err := actor.require(permission); err != nil && actor.Org == "" {
		return nil, err // For whom nothing lies outside.
	}
	tenant, err := t.Store.Tenant(ctx, id)
	if err != nil {
		return nil, err
	}
	return tenant, actor.requireWithin(tenant.OrgID, permission, "tenant", id)
}

// Put makes the tenant, or lets it be what is declared, and answers whether it was made.
func (t Tree) Put(ctx context.Context, actor Actor, declared DeclaredTenant, only PutCondition) (row *TenantRow, created bool, err error) {
	if err := actor.require(CatalogWrite); err != nil {
		return nil, false, err // Before anybody waits for the transaction.
	}
	err = t.Store.Transact(ctx, func(ctx context.Context, store Store) error {
		t.Store = store
		step, err := t.put(ctx, actor, declared, only)
		if err != nil {
			return err
		}
		created = step != nil && step.Created
		row, err = store.Tenant(ctx, declared.ID)
		return err
	})
	return row, created, err
}

// put works within a transaction. It answers nil if the tenant is already what is declared.
func (t Tree) put(ctx context.Context, actor Actor, declared DeclaredTenant, only PutCondition) (*Step, error) {
	var there oauth.Tenant
	before, err := t.Store.Tenant(ctx, declared.ID)
	switch {
	case errors.Is(err, oauth.ErrNotFound):
	case err != nil:
		return nil, err
	case !actor.Sees(before.OrgID):
		return nil, notFound("tenant", declared.ID)
	default:
		there = before.Tenant
	}
	if err := only.check("tenant", declared.ID, there.Version); err != nil {
		return nil, err
	}
	tenant, err := declared.tenant(ctx, t.Store, actor, before)
	if err != nil {
		return nil, err
	}
	step := newStep("tenant", tenant.ID, tenant.OrgID, before == nil, tenantFields(there), tenantFields(tenant))
	if step == nil {
		return nil, nil
	}
	if err := requireFor(actor, tenant.Level); err != nil {
		return nil, err
	}
	if err := t.nameIsFree(ctx, tenant); err != nil {
		return nil, err
	}
	err = t.Store.PutTenant(ctx, tenant, step.event(actor, t.Now()))
	if errors.Is(err, oauth.ErrConflict) {
		return nil, FieldErrors{{"/parent_id", "immutable", "a deleted tenant of this id had another level or parent: it comes back there or not at all"}}
	}
	return step, err
}

// requireFor holds that orgs are changed by actors of the whole installation alone.
func requireFor(actor Actor, level oauth.Level) error {
	if level == oauth.LevelOrg {
		return actor.requireEverywhere(CatalogWrite)
	}
	return actor.require(CatalogWrite)
}

// nameIsFree holds that whoever chooses among siblings can tell them apart by their names. All writers follow each
// other, so it is still free when it is taken.
func (t Tree) nameIsFree(ctx context.Context, tenant oauth.Tenant) error {
	same, err := t.Store.Tenants(ctx, TenantQuery{
		Parent: tenant.ParentID, Roots: tenant.ParentID == "", Name: tenant.Name, Limit: 2,
	})
	for _, row := range same {
		if row.ID != tenant.ID {
			return ErrNameTaken
		}
	}
	return err
}

// Activate lets the tenant be in force again. It changes nothing if it is.
func (t Tree) Activate(ctx context.Context, actor Actor, id string) (*TenantRow, error) {
	return t.setStatus(ctx, actor, id, oauth.StatusActive, "tenant.activated")
}

// Deactivate ends what holds in the tenant and below: when it has answered, no replica issues a token for it. Nobody
// in an inactive org gets a token at all. It changes nothing if the tenant is inactive.
func (t Tree) Deactivate(ctx context.Context, actor Actor, id string) (*TenantRow, error) {
	return t.setStatus(ctx, actor, id, oauth.StatusInactive, "tenant.deactivated")
}

func (t Tree) setStatus(ctx context.Context, actor Actor, id string, status oauth.Status, action string) (row *TenantRow, err error) {
	err = t.change(ctx, actor, id, func(ctx context.Context, t Tree, tenant oauth.Tenant) error {
		if tenant.Status != status {
			from := tenantFields(tenant)
			tenant.Status = status
			event := newEvent(actor, t.Now(), action, id, tenant.OrgID, differing(from, tenantFields(tenant)))
			if err := t.Store.PutTenant(ctx, tenant, event); err != nil {
				return err
			}
		}
		row, err = t.Store.Tenant(ctx, id)
		return err
	})
	return row, err
}

// Delete deletes the tenant. It answers an [*InUseError] while something hangs on it.
func (t Tree) Delete(ctx context.Context, actor Actor, id string, only Precondition) error {
	return t.change(ctx, actor, id, func(ctx context.Context, t Tree, tenant oauth.Tenant) error {
		if err := only.check(tenant.Version); err != nil {
			return err
		}
		if err := t.checkUnused(ctx, tenant); err != nil {
			return err
		}
		event := newEvent(actor, t.Now(), "tenant.deleted", id, tenant.OrgID, differing(tenantFields(tenant), tenantFields(oauth.Tenant{})))
		return t.Store.DeleteTenant(ctx, id, event)
	})
}

// change lets work change one tenant that the actor may change, within a transaction.
func (t Tree) change(ctx context.Context, actor Actor, id string, work func(context.Context, Tree, oauth.Tenant) error) error {
	if !actor.May(CatalogWrite) {
		_, err := t.visible(ctx, actor, CatalogWrite, id)
		return err
	}
	return t.Store.Transact(ctx, func(ctx context.Context, store Store) error {
		t.Store = store
		row, err := t.visible(ctx, actor, CatalogWrite, id)
		if err != nil {
			return err
		}
		if err := requireFor(actor, row.Level); err != nil {
			return err
		}
		return work(ctx, t, row.Tenant)
	})
}

// checkUnused answers an [*InUseError] if the tenant has children, or clients or operators if it is an org, or is named
// by grants.
func (t Tree) checkUnused(ctx context.Context, tenant oauth.Tenant) error {
	children, err := t.Store.Tenants(ctx, TenantQuery{Parent: tenant.ID, Limit: MaxUsers + 1})
	if err != nil {
		return err
	}
	var (
		clients   []oauth.Client
		operators []Operator
	)
	if tenant.Level == oauth.LevelOrg {
		if operators, err = t.Store.Operators(ctx, OperatorQuery{Org: tenant.ID, Limit: MaxUsers + 1}); err != nil {
			return err
		}
		var rows []ClientRow
		rows, err = t.Store.Clients(ctx, ClientQuery{Org: tenant.ID, Sort: ByName, Limit: MaxUsers + 1})
		clients = ClientsOf(rows)
	} else {
		clients, err = t.Store.Holders(ctx, HolderQuery{Tenant: tenant.ID, Limit: MaxUsers + 1})
	}
	total := len(children) + len(clients) + len(operators)
	if err != nil || total == 0 {
		return err
	}
	inUse := &InUseError{Total: total, Children: children, Operators: operators}
	for i := range clients {
		inUse.Credentials = append(inUse.Credentials, newLoss(&clients[i], nil))
	}
	return inUse
}
