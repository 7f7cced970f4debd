package storage

import "context"

// Prune forgets what nobody needs any longer, at most so many rows of each kind, and answers whether some may be left: the
// log of changes beyond its reach, slots of which no token can live, and batches of usage that nobody adds again.
func (db *DB) Prune(ctx context.Context, most int) (more bool, err error) {
	now := db.now()
	return db.prune(ctx, "forgetting what nobody needs", most, []pruning{
		{`DELETE FROM changes WHERE (epoch, subject) IN (SELECT epoch, subject FROM changes
			WHERE epoch < (SELECT value FROM epoch WHERE id = 1) - $1 ORDER BY epoch LIMIT $2)`, logReach},
		{`DELETE FROM retired_slots WHERE slot IN (SELECT slot FROM retired_slots WHERE until <= $1 ORDER BY until, slot LIMIT $2)`, moment{now}},
		{`DELETE FROM usage_batches WHERE id IN (SELECT id FROM usage_batches WHERE at < $1 ORDER BY at LIMIT $2)`,
			moment{now.Add(-batchMemory)}},
	})
}

// pruning deletes some rows up to an end, $1, and at most $2 of them.
type pruning struct {
	statement string
	end       any
}

func (db *DB) prune(ctx context.Context, doing string, most int, prunings []pruning) (more bool, err error) {
	err = db.ask(ctx, doing, func(ctx context.Context) error {
		for _, p := range prunings {
			deleted, err := db.sql.ExecContext(ctx, p.statement, p.end, most)
			if err != nil {
				return err
			}
			rows, err := deleted.RowsAffected()
			if err != nil {
				return err
			}
			more = more || rows == int64(most)
		}
		return nil
	})
	return more, err
}
