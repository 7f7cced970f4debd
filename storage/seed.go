package storage

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// subjectEverything stands in the log of changes for more than it could name. Memories drop all for a subject that
// they do not know, and they do not know this one.
const subjectEverything = "everything"

// Seed registers many clients in one transaction with one event that tells of them all. Load tests fill a database
// with it; an administrator's work goes through admin.Store. A transaction must end within seconds, so that more than
// a few thousand clients take several calls.
func (db *DB) Seed(ctx context.Context, clients []*oauth.Client, event admin.Event) error {
	_, err := db.change(ctx, "seeding clients", []string{subjectEverything},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			return true, insertClients(ctx, tx, &event, clients...)
		})
	return err
}
