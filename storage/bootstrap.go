package storage

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// settingBootstrapped marks that the first client has been registered. It stays when that client goes.
const settingBootstrapped = "bootstrapped"

// Bootstrapped implements admin.Store.
func (db *DB) Bootstrapped(ctx context.Context) (bool, error) {
	var marks int
	err := db.ask(ctx, "reading whether the installation has its first client", func(ctx context.Context) error {
		return db.from().GetContext(ctx, &marks, `SELECT COUNT(*) FROM settings WHERE key = $1`, settingBootstrapped)
	})
	return marks > 0, err
}

// Bootstrap implements admin.Store. It writes the org that the client joins into the client.
func (db *DB) Bootstrap(ctx context.Context, client *oauth.Client, home oauth.Tenant, event admin.Event) (bool, error) {
	return db.change(ctx, "registering the first client", []string{subjectClient + client.ID, subjectCatalog},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			marked, err := tx.ExecContext(ctx, `INSERT INTO settings (key, value) VALUES ($1, $2)
				ON CONFLICT (key) DO NOTHING`, settingBootstrapped, client.ID)
			if err != nil {
				return false, err
			}
			if marks, err := marked.RowsAffected(); err != nil || marks == 0 {
				return false, err
			}
			client.OrgID, err = homeOf(ctx, tx, home, event)
			if err != nil {
				return false, err
			}
			event.OrgID = client.OrgID
			return true, insertClients(ctx, tx, &event, client)
		})
}

// homeOf answers the oldest org; if there is none it makes home.
func homeOf(ctx context.Context, tx *sqlx.Tx, home oauth.Tenant, event admin.Event) (string, error) {
	var oldest string
	err := tx.GetContext(ctx, &oldest,
		`SELECT id FROM tenants WHERE parent_id IS NULL AND deleted_at IS NULL ORDER BY created_at, id LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return home.ID, putTenant(ctx, tx, home, event)
	}
	return oldest, err
}
