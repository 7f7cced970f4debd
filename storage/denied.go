package storage

import (
	"context"
	"encoding/json"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// maxDenied is how many tokens of one client can be denied one by one: every replica and every verifier holds all
	// that are. After that all of the client's tokens end together, which takes no room.
	maxDenied = 100
	// pruneDeniedMost is how many are forgotten, that have expired, when another comes.
	pruneDeniedMost = 100
)

type deniedRow struct {
	ID        string `db:"jti"`
	ClientID  string `db:"client_id"`
	ExpiresAt moment `db:"expires_at"`
}

// DenyToken implements oauth.Revocations.
func (db *DB) DenyToken(ctx context.Context, token oauth.RevokedToken) error {
	_, err := db.change(ctx, "revoking a token", []string{subjectTokens},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			noted, err := tx.NamedExecContext(ctx, `INSERT INTO denied_tokens (jti, client_id, expires_at)
				VALUES (:jti, :client_id, :expires_at) ON CONFLICT DO NOTHING`,
				deniedRow{token.ID, token.Client.ID, moment{token.ExpiresAt}})
			if err != nil {
				return false, err
			}
			if rows, err := noted.RowsAffected(); err != nil || rows == 0 {
				return false, err
			}
			if err := db.denyAll(ctx, tx, token); err != nil {
				return false, err
			}
			_, err = tx.ExecContext(ctx, `DELETE FROM denied_tokens WHERE jti IN
				(SELECT jti FROM denied_tokens WHERE expires_at <= $1 LIMIT $2)`, moment{token.At}, pruneDeniedMost)
			if err != nil {
				return false, err
			}
			jti, err := json.Marshal(token.ID)
			if err != nil {
				return false, err
			}
			return true, insertEvent(ctx, tx, &admin.Event{
				ID: oauth.NewID("evt"), At: token.At, ActorKind: admin.ActorClient, ActorID: token.Client.ID,
				Address: token.Address, RequestID: token.RequestID,
				Action: "token.revoked", Target: token.Client.ID, OrgID: token.Client.OrgID,
				Changes: map[string]admin.Change{"jti": {From: json.RawMessage("null"), To: jti}},
			})
		})
	return err
}

// denyAll ends all tokens of a client of which too many are denied one by one.
func (db *DB) denyAll(ctx context.Context, tx *sqlx.Tx, token oauth.RevokedToken) error {
	var denied int
	err := tx.GetContext(ctx, &denied, `SELECT COUNT(*) FROM denied_tokens WHERE client_id = $1`, token.Client.ID)
	if err != nil || denied <= maxDenied {
		return err
	}
	err = db.retireHolders(ctx, tx, oauth.TokensInvalid, token.At, `SELECT CAST($1 AS TEXT)`, token.Client.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM denied_tokens WHERE client_id = $1`, token.Client.ID)
	return err
}

// denied reads the tokens that are denied one by one.
func (db *DB) denied(ctx context.Context) (oauth.DeniedTokens, error) {
	var rows []deniedRow
	err := db.ask(ctx, "reading the denied tokens", func(ctx context.Context) error {
		return db.from().SelectContext(ctx, &rows, `SELECT jti, client_id, expires_at FROM denied_tokens ORDER BY jti`)
	})
	if err != nil {
		return nil, err
	}
	denied := make(oauth.DeniedTokens, len(rows))
	for _, row := range rows {
		denied[row.ID] = row.ExpiresAt.Time
	}
	return denied, nil
}
