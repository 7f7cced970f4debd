package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// apiRow is a row of apis.
type apiRow struct {
	Key           string                       `db:"key"`
	Name          string                       `db:"name"`
	Description   string                       `db:"description"`
	Audience      string                       `db:"audience"`
	Level         oauth.Level                  `db:"level"`
	Choice        oauth.Choice                 `db:"choice"`
	Permissions   document[[]oauth.Permission] `db:"permissions"`
	GrantableBy   document[[]string]           `db:"grantable_by"`
	TokenLifetime int64                        `db:"token_lifetime"`
	SigningAlg    jose.SignatureAlgorithm      `db:"signing_alg"`
	Status        oauth.Status                 `db:"status"`
	Version       int64                        `db:"version"`
	At            moment                       `db:"at"` // When it is written.
}

const selectAPIs = `SELECT key, name, description, audience, level, choice, permissions, grantable_by, token_lifetime,
	signing_alg, status, version FROM apis`

func (r *apiRow) api() oauth.API {
	return oauth.API{
		Key: r.Key, Name: r.Name, Description: r.Description, Audience: r.Audience,
		Level: r.Level, Choice: r.Choice, Permissions: r.Permissions.of, GrantableBy: r.GrantableBy.of,
		TokenLifetime: time.Duration(r.TokenLifetime) * time.Second,
		SigningAlg:    r.SigningAlg,
		Status:        r.Status, Version: r.Version,
	}
}

// API implements admin.Store.
func (db *DB) API(ctx context.Context, key string) (*oauth.API, error) {
	var row apiRow
	err := db.ask(ctx, fmt.Sprintf("reading API %q", key), func(ctx context.Context) error {
		if !storable(key) {
			return sql.ErrNoRows
		}
		return db.from().GetContext(ctx, &row, selectAPIs+` WHERE key = $1`, key)
	})
	if err != nil {
		return nil, err
	}
	api := row.api()
	return &api, nil
}

// APIs implements admin.Store.
func (db *DB) APIs(ctx context.Context) ([]oauth.API, error) {
	var rows []apiRow
	err := db.ask(recurring(ctx, true), "reading the catalogue", func(ctx context.Context) error {
		return db.from().SelectContext(ctx, &rows, selectAPIs+` ORDER BY key`)
	})
	if err != nil {
		return nil, err
	}
	apis := make([]oauth.API, len(rows))
	for i := range rows {
		apis[i] = rows[i].api()
	}
	return apis, nil
}

// PutAPI implements admin.Store.
func (db *DB) PutAPI(ctx context.Context, api oauth.API, event admin.Event) error {
	row := apiRow{
		Key: api.Key, Name: api.Name, Description: api.Description, Audience: api.Audience,
		Level: api.Level, Choice: api.Choice,
		Permissions:   document[[]oauth.Permission]{api.Permissions},
		GrantableBy:   document[[]string]{api.GrantableBy},
		TokenLifetime: int64(api.TokenLifetime / time.Second),
		SigningAlg:    api.SigningAlg,
		Status:        api.Status,
		At:            moment{event.At},
	}
	_, err := db.change(ctx, fmt.Sprintf("storing API %q", api.Key), []string{subjectCatalog},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			if err := db.retireByAPI(ctx, tx, &api, event.At); err != nil {
				return false, err
			}
			_, err := tx.NamedExecContext(ctx, `INSERT INTO apis (key, name, description, audience, level, choice,
					permissions, grantable_by, token_lifetime, signing_alg, status, version, created_at, updated_at)
				VALUES (:key, :name, :description, :audience, :level, :choice,
					:permissions, :grantable_by, :token_lifetime, :signing_alg, :status, 1, :at, :at)
				ON CONFLICT (key) DO UPDATE SET name = excluded.name, description = excluded.description,
					audience = excluded.audience, level = excluded.level, choice = excluded.choice,
					permissions = excluded.permissions, grantable_by = excluded.grantable_by,
					token_lifetime = excluded.token_lifetime, signing_alg = excluded.signing_alg, status = excluded.status,
					version = apis.version + 1, updated_at = excluded.updated_at`, row)
			if err != nil {
				return false, err
			}
			return true, insertEvent(ctx, tx, &event)
		})
	return err
}

// retireByAPI ends the tokens of all who hold an API that is about to be inactive, or to have another audience. What
// it takes from grants, admin.Store is told of each.
func (db *DB) retireByAPI(ctx context.Context, tx *sqlx.Tx, after *oauth.API, at time.Time) error {
	var before apiRow
	err := tx.GetContext(ctx, &before, selectAPIs+` WHERE key = $1`, after.Key)
	var status oauth.TokenStatus
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && before.Status != oauth.StatusActive:
		return nil
	case err != nil:
		return err
	case after.Status != oauth.StatusActive:
		status = oauth.TokensSuspended
	case after.Audience != before.Audience:
		status = oauth.TokensInvalid
	default:
		return nil
	}
	return db.retireHolders(ctx, tx, status, at, `SELECT client_id FROM grant_permissions WHERE api = $1`, after.Key)
}

// DeleteAPI implements admin.Store. Foreign keys keep an API that is granted to anybody.
func (db *DB) DeleteAPI(ctx context.Context, key string, event admin.Event) error {
	_, err := db.change(ctx, fmt.Sprintf("deleting API %q", key), []string{subjectCatalog},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			if !storable(key) {
				return false, sql.ErrNoRows
			}
			var deleted string
			if err := tx.GetContext(ctx, &deleted, `DELETE FROM apis WHERE key = $1 RETURNING key`, key); err != nil {
				return false, err
			}
			return true, insertEvent(ctx, tx, &event)
		})
	return err
}

// catalog reads what every token depends on beside its client.
func (db *DB) catalog(ctx context.Context) (*oauth.Catalog, error) {
	apis, err := db.APIs(ctx)
	if err != nil {
		return nil, err
	}
	closed, err := db.closedTenants(ctx)
	if err != nil {
		return nil, err
	}
	return oauth.NewCatalog(apis, closed), nil
}
