package storage

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// pruneUsesEvery is how many uses are noted between two looks for those that have ended.
	pruneUsesEvery = 256
	// pruneUsesMost is how many are forgotten at a look: more than come in between, so that the table shrinks.
	pruneUsesMost = 1024
	// pruneUsesAfter is how long after its end a use is kept. The clock of another replica may be behind ours.
	pruneUsesAfter = 10 * time.Minute
)

// Replays remembers in the database, for all replicas together, what has been used. It is safe for concurrent use.
type Replays struct {
	db   *DB
	uses atomic.Uint64
}

var _ oauth.Replays = (*Replays)(nil)

// NewReplays makes a memory of uses in the database.
func NewReplays(db *DB) *Replays { return &Replays{db: db} }

// Use implements oauth.Replays. The primary key decides which of several is the first.
func (r *Replays) Use(ctx context.Context, id string, until time.Time) (first bool, err error) {
	err = r.db.ask(ctx, "noting a use", func(ctx context.Context) error {
		inserted, err := r.db.sql.ExecContext(ctx,
			`INSERT INTO used_ids (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, moment{until})
		if err != nil {
			return err
		}
		rows, err := inserted.RowsAffected()
		first = rows == 1
		return err
	})
	if err != nil {
		return false, err
	}
	if r.uses.Add(1)%pruneUsesEvery == 0 {
		// The use is noted. What cannot be forgotten now is forgotten the next time.
		_ = r.prune(ctx)
	}
	return first, nil
}

func (r *Replays) prune(ctx context.Context) error {
	return r.db.ask(ctx, "forgetting uses", func(ctx context.Context) error {
		_, err := r.db.sql.ExecContext(ctx, `DELETE FROM used_ids WHERE id IN
			(SELECT id FROM used_ids WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2)`,
			moment{r.db.now().Add(-pruneUsesAfter)}, pruneUsesMost)
		return err
	})
}
