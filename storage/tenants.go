package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// tenantRow is a row of tenants, perhaps with the number of its children.
type tenantRow struct {
	ID       string         `db:"id"`
	Level    oauth.Level    `db:"level"`
	Name     string         `db:"name"`
	ParentID sql.NullString `db:"parent_id"`
	OrgID    string         `db:"org_id"`
	Status   oauth.Status   `db:"status"`
	Version  int64          `db:"version"`
	Children int            `db:"children"`
	At       moment         `db:"at"` // When it is written.
}

const (
	tenantColumns = `t.id, t.level, t.name, t.parent_id, t.org_id, t.status, t.version`
	selectTenants = `SELECT ` + tenantColumns + `, (SELECT COUNT(*) FROM tenants k
			WHERE k.parent_id = t.id AND k.deleted_at IS NULL) AS children
		FROM tenants t `
)

func (r *tenantRow) tenant() oauth.Tenant {
	return oauth.Tenant{
		ID: r.ID, Level: r.Level, Name: r.Name, ParentID: r.ParentID.String, OrgID: r.OrgID,
		Status: r.Status, Version: r.Version,
	}
}

// Tenant implements admin.Store.
func (db *DB) Tenant(ctx context.Context, id string) (*admin.TenantRow, error) {
	var row tenantRow
	err := db.ask(recurring(ctx, true), fmt.Sprintf("reading tenant %q", id), func(ctx context.Context) error {
		if !storable(id) {
			return sql.ErrNoRows
		}
		return db.from().GetContext(ctx, &row, selectTenants+`WHERE t.id = $1 AND t.deleted_at IS NULL`, id)
	})
	if err != nil {
		return nil, err
	}
	return &admin.TenantRow{Tenant: row.tenant(), Children: row.Children}, nil
}

// Tenants implements admin.Store.
func (db *DB) Tenants(ctx context.Context, query admin.TenantQuery) ([]admin.TenantRow, error) {
	if !storable(query.Org, query.Parent, query.Name, query.Search) {
		return nil, nil
	}
	var where filter
	where.and("t.deleted_at IS NULL")
	if query.Org != "" {
		where.and("t.org_id = %s", query.Org)
	}
	if query.Parent != "" {
		where.and("t.parent_id = %s", query.Parent)
	}
	if query.Roots {
		where.and("t.parent_id IS NULL")
	}
	if query.Name != "" {
		where.and("t.name = %s", query.Name)
	}
	if query.Search != "" {
		where.contains("t.name", "t.id", query.Search)
	}
	if after := query.After; after != nil {
		where.and("(t.name, t.id) > (%s, %s)", after.Name, after.ID)
	}
	limit := where.place(query.Limit)

	var rows []tenantRow
	// Without more to look for, only two are asked for: to see whether there is but one.
	recurs := query.Limit <= 2 && query.Search == "" && query.After == nil
	err := db.ask(recurring(ctx, recurs), "listing tenants", func(ctx context.Context) error {
		statement := fmt.Sprintf("%s %s ORDER BY t.name, t.id LIMIT %s", selectTenants, &where, limit)
		return db.from().SelectContext(ctx, &rows, statement, where.values...)
	})
	if err != nil {
		return nil, err
	}
	tenants := make([]admin.TenantRow, len(rows))
	for i := range rows {
		tenants[i] = admin.TenantRow{Tenant: rows[i].tenant(), Children: rows[i].Children}
	}
	return tenants, nil
}

// TenantsByID implements admin.Store.
func (db *DB) TenantsByID(ctx context.Context, ids []string) ([]oauth.Tenant, error) {
	var tenants []oauth.Tenant
	err := db.ask(recurring(ctx, len(ids) <= few), "reading tenants", func(ctx context.Context) error {
		for some := range slices.Chunk(ids, 1000) { // A statement holds only so many placeholders.
			var where filter
			where.and("t.deleted_at IS NULL")
			where.anyOf("t.id", some)
			var rows []tenantRow
			statement := fmt.Sprintf("SELECT %s FROM tenants t %s", tenantColumns, &where)
			if err := db.from().SelectContext(ctx, &rows, statement, where.values...); err != nil {
				return err
			}
			for i := range rows {
				tenants = append(tenants, rows[i].tenant())
			}
		}
		return nil
	})
	return tenants, err
}

// PutTenant implements admin.Store.
func (db *DB) PutTenant(ctx context.Context, tenant oauth.Tenant, event admin.Event) error {
	_, err := db.change(ctx, fmt.Sprintf("storing tenant %q", tenant.ID), []string{subjectCatalog},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			if err := db.retireByTenant(ctx, tx, &tenant, event.At); err != nil {
				return false, err
			}
			if err := putTenant(ctx, tx, tenant, event); err != nil {
				return false, err
			}
			return true, insertEvent(ctx, tx, &event)
		})
	return err
}

// retireByTenant ends the tokens of all who hold anything in a tenant that is about to be inactive: of an org all
// clients, and of an account also those with grants in its workspaces.
func (db *DB) retireByTenant(ctx context.Context, tx *sqlx.Tx, after *oauth.Tenant, at time.Time) error {
	var before oauth.Status
	err := tx.GetContext(ctx, &before, `SELECT status FROM tenants WHERE id = $1 AND deleted_at IS NULL`, after.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case before != oauth.StatusActive || after.Status == oauth.StatusActive:
		return nil
	}
	holders := `SELECT client_id FROM grant_places WHERE tenant_id IN
		(SELECT id FROM tenants WHERE id = $1 UNION ALL SELECT id FROM tenants WHERE parent_id = $1)`
	if after.Level == oauth.LevelOrg {
		holders = `SELECT id FROM clients WHERE org_id = $1 AND deleted_at IS NULL`
	}
	return db.retireHolders(ctx, tx, oauth.TokensSuspended, at, holders, after.ID)
}

// putTenant stores a tenant. It cannot leave its org while it has children or is named by a grant; and a deleted one
// comes back as what it was or not at all, for tokens that name it may still be alive.
func putTenant(ctx context.Context, tx *sqlx.Tx, tenant oauth.Tenant, event admin.Event) error {
	stored, err := tx.NamedExecContext(ctx, `INSERT INTO tenants (id, level, parent_id, org_id, name, status, version,
			created_at, updated_at)
		VALUES (:id, :level, :parent_id, :org_id, :name, :status, 1, :at, :at)
		ON CONFLICT (id) DO UPDATE SET level = excluded.level, parent_id = excluded.parent_id,
			org_id = excluded.org_id, name = excluded.name, status = excluded.status,
			version = tenants.version + 1, updated_at = excluded.updated_at, deleted_at = NULL
		WHERE tenants.deleted_at IS NULL
			OR (tenants.level = excluded.level AND COALESCE(tenants.parent_id, '') = COALESCE(excluded.parent_id, ''))`,
		tenantRow{
			ID: tenant.ID, Level: tenant.Level, Name: tenant.Name,
			ParentID: sql.NullString{String: tenant.ParentID, Valid: tenant.ParentID != ""},
			OrgID:    tenant.OrgID, Status: tenant.Status,
			At: moment{event.At},
		})
	if err != nil {
		return err
	}
	if rows, err := stored.RowsAffected(); err != nil || rows == 1 {
		return err
	}
	return fmt.Errorf("%w: the id belonged elsewhere in the tree", oauth.ErrConflict)
}

// DeleteTenant implements admin.Store. The row stays as a tombstone: those of an org's clients refer to it.
func (db *DB) DeleteTenant(ctx context.Context, id string, event admin.Event) error {
	_, err := db.change(ctx, fmt.Sprintf("deleting tenant %q", id), []string{subjectCatalog},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			if !storable(id) {
				return false, sql.ErrNoRows
			}
			var inUse bool
			err := tx.GetContext(ctx, &inUse, `SELECT EXISTS (SELECT 1 FROM tenants WHERE parent_id = $1 AND deleted_at IS NULL)
				OR EXISTS (SELECT 1 FROM clients WHERE org_id = $1 AND deleted_at IS NULL)
				OR EXISTS (SELECT 1 FROM operators WHERE org_id = $1)
				OR EXISTS (SELECT 1 FROM grant_places WHERE tenant_id = $1)`, id)
			if err != nil {
				return false, err
			}
			if inUse {
				return false, errors.New("something hangs on it")
			}
			var deleted string
			err = tx.GetContext(ctx, &deleted, `UPDATE tenants SET status = 'inactive', version = version + 1,
				updated_at = $1, deleted_at = $1 WHERE id = $2 AND deleted_at IS NULL RETURNING id`, moment{event.At}, id)
			if err != nil {
				return false, err
			}
			return true, insertEvent(ctx, tx, &event)
		})
	return err
}

// closedTenants answers the tenants that are inactive themselves or lie in an account that is. What lies in an
// inactive org is not listed: every client belongs to an org, and nothing is issued to the clients of that one.
func (db *DB) closedTenants(ctx context.Context) (ids []string, err error) {
	err = db.ask(ctx, "reading the closed tenants", func(ctx context.Context) error {
		return db.from().SelectContext(ctx, &ids, `SELECT id FROM tenants WHERE status <> 'active' AND deleted_at IS NULL
			UNION
			SELECT t.id FROM tenants t JOIN tenants a ON a.id = t.parent_id
			WHERE a.level = 'account' AND a.status <> 'active' AND t.deleted_at IS NULL`)
	})
	return ids, err
}

// accountsOf answers the account that each of the workspaces lies in.
func (db *DB) accountsOf(ctx context.Context, workspaces []string) (map[string]string, error) {
	workspaces = slices.DeleteFunc(slices.Clone(workspaces), func(id string) bool { return !storable(id) })
	tenants, err := db.TenantsByID(ctx, workspaces)
	if err != nil {
		return nil, err
	}
	accounts := make(map[string]string, len(tenants))
	for i := range tenants {
		if tenants[i].Level == oauth.LevelWorkspace {
			accounts[tenants[i].ID] = tenants[i].ParentID
		}
	}
	return accounts, nil
}
