package storage

import (
	"context"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// keyRow is a row of signing_keys.
type keyRow struct {
	ID          string                  `db:"id"`
	Algorithm   jose.SignatureAlgorithm `db:"algorithm"`
	Sealed      []byte                  `db:"sealed"`
	SealKeyID   string                  `db:"seal_key_id"`
	CreatedAt   moment                  `db:"created_at"`
	ActiveFrom  moment                  `db:"active_from"`
	RetiredFrom moment                  `db:"retired_from"`
	GoneFrom    moment                  `db:"gone_from"`
}

// AddFirstKey implements admin.Store.
func (db *DB) AddFirstKey(ctx context.Context, key oauth.SigningKey, event admin.Event) (bool, error) {
	sealed, err := db.seal.seal(key)
	if err != nil {
		return false, fmt.Errorf("adding the first signing key: %w", err)
	}
	return db.change(ctx, "adding the first signing key", []string{subjectKeys},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			var count int
			if err := tx.GetContext(ctx, &count, `SELECT COUNT(*) FROM signing_keys`); err != nil || count > 0 {
				return false, err
			}
			_, err := tx.NamedExecContext(ctx, `INSERT INTO signing_keys
					(id, algorithm, sealed, seal_key_id, created_at, active_from, retired_from, gone_from)
				VALUES (:id, :algorithm, :sealed, :seal_key_id, :created_at, :active_from, :retired_from, :gone_from)`,
				keyRow{
					ID: key.ID, Algorithm: key.Algorithm, Sealed: sealed, SealKeyID: db.seal.id,
					CreatedAt: moment{key.CreatedAt}, ActiveFrom: moment{key.ActiveFrom},
					RetiredFrom: moment{key.RetiredFrom}, GoneFrom: moment{key.GoneFrom},
				})
			if err != nil {
				return false, err
			}
			return true, insertEvent(ctx, tx, &event)
		})
}

// keyring reads and opens the signing keys that are not gone. It wraps ErrMasterKey if they are sealed under another
// master key.
func (db *DB) keyring(ctx context.Context) (*oauth.Keyring, error) {
	var rows []keyRow
	err := db.ask(ctx, "reading the signing keys", func(ctx context.Context) error {
		return db.sql.SelectContext(ctx, &rows, `SELECT id, algorithm, sealed, seal_key_id, created_at, active_from,
			retired_from, gone_from FROM signing_keys ORDER BY created_at, id`)
	})
	if err != nil {
		return nil, err
	}
	var keys []oauth.SigningKey
	for i := range rows {
		row := &rows[i]
		if !row.GoneFrom.IsZero() && !db.now().Before(row.GoneFrom.Time) {
			continue
		}
		private, err := db.seal.open(row)
		if err != nil {
			return nil, fmt.Errorf("opening signing key %s: %w", row.ID, err)
		}
		keys = append(keys, oauth.SigningKey{
			ID: row.ID, Algorithm: row.Algorithm, Private: private,
			CreatedAt: row.CreatedAt.Time, ActiveFrom: row.ActiveFrom.Time,
			RetiredFrom: row.RetiredFrom.Time, GoneFrom: row.GoneFrom.Time,
		})
	}
	return oauth.NewKeyring(keys)
}
