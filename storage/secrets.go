package storage

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-auth/latchkey/oauth"
)

// secretRow is a row of secrets, or of NULLs beside a client that has none.
type secretRow struct {
	ID        sql.NullString `db:"id"`
	ClientID  string         `db:"client_id"`
	Hash      []byte         `db:"hash"`
	Hint      sql.NullString `db:"hint"`
	CreatedAt moment         `db:"created_at"`
	CreatedBy sql.NullString `db:"created_by"`
	ExpiresAt moment         `db:"expires_at"`
	StopsAt   moment         `db:"stops_at"`
	StoppedAt moment         `db:"stopped_at"`
}

const secretColumns = `s.id AS "secret.id", s.hash AS "secret.hash", s.hint AS "secret.hint",
	s.created_at AS "secret.created_at", s.created_by AS "secret.created_by", s.expires_at AS "secret.expires_at",
	s.stops_at AS "secret.stops_at", s.stopped_at AS "secret.stopped_at"`

func (r *secretRow) secret() (oauth.Secret, error) {
	secret := oauth.Secret{
		ID: r.ID.String, Hint: r.Hint.String,
		CreatedAt: r.CreatedAt.Time, CreatedBy: r.CreatedBy.String,
		ExpiresAt: r.ExpiresAt.Time, StopsAt: r.StopsAt.Time, StoppedAt: r.StoppedAt.Time,
	}
	// A hash that were cut short would be filled with zeros, and might match.
	if copy(secret.Hash[:], r.Hash) != len(secret.Hash) || len(r.Hash) != len(secret.Hash) {
		return oauth.Secret{}, fmt.Errorf("secret %q: its hash has %d bytes", secret.ID, len(r.Hash))
	}
	return secret, nil
}

// ClientOfSecret implements admin.Store.
func (db *DB) ClientOfSecret(ctx context.Context, hash oauth.SecretHash) (id string, err error) {
	err = db.ask(ctx, "looking for the client of a secret", func(ctx context.Context) error {
		return db.from().GetContext(ctx, &id, `SELECT client_id FROM secrets WHERE hash = $1 LIMIT 1`, hash[:])
	})
	return id, err
}

func addSecrets(writes *bundle, clients ...*oauth.Client) {
	var rows []secretRow
	for _, client := range clients {
		for i := range client.Secrets {
			secret := &client.Secrets[i]
			rows = append(rows, secretRow{
				ID:        sql.NullString{String: secret.ID, Valid: true},
				ClientID:  client.ID,
				Hash:      secret.Hash[:],
				Hint:      sql.NullString{String: secret.Hint, Valid: true},
				CreatedAt: moment{secret.CreatedAt},
				CreatedBy: sql.NullString{String: secret.CreatedBy, Valid: true},
				ExpiresAt: moment{secret.ExpiresAt},
				StopsAt:   moment{secret.StopsAt},
				StoppedAt: moment{secret.StoppedAt},
			})
		}
	}
	addRows(writes, `INSERT INTO secrets
			(id, client_id, hash, hint, created_at, created_by, expires_at, stops_at, stopped_at)
		VALUES (:id, :client_id, :hash, :hint, :created_at, :created_by, :expires_at, :stops_at, :stopped_at)`, rows)
}
