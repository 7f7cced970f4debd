package storage

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
)

// transaction is one that several changes share.
type transaction struct {
	tx       *sqlx.Tx
	subjects []string // What every memory must drop once it is committed.
	changed  bool
	failed   error // Of a change. PostgreSQL then does nothing more in the transaction.
}

// queryer reads: through the pool, or within a transaction.
type queryer interface {
	sqlx.QueryerContext
	GetContext(ctx context.Context, into any, query string, values ...any) error
	SelectContext(ctx context.Context, into any, query string, values ...any) error
}

// from answers where to read.
func (db *DB) from() queryer {
	if db.within != nil {
		return db.within.tx
	}
	return db.sql
}

// Transact implements admin.Store. The work queues with all other writers on the epoch's row before it begins, so that
// what it reads stays as it is until it has written; and they wait for it, so it must be quick. Who switches several clients
// in another order than that of their ids may meet AddUsage, which is not in the queue: PostgreSQL then ends one of the
// two, which is oauth.ErrUnavailable.
func (db *DB) Transact(ctx context.Context, work func(context.Context, admin.Store) error) error {
	if db.within != nil {
		return work(ctx, db)
	}
	var refusal error
	err := db.ask(ctx, "changing several things at once", func(ctx context.Context) error {
		tx, err := db.sql.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // After the commit it does nothing.
		step := randomStep()
		if err := moveEpoch(recurring(ctx, true), tx, step); err != nil {
			return err
		}
		inside := *db
		inside.within = &transaction{tx: tx}
		if refusal = work(ctx, &inside); refusal != nil {
			return nil
		}
		if inside.within.failed != nil || !inside.within.changed {
			return inside.within.failed
		}
		if err := inside.within.log(recurring(ctx, true), step); err != nil {
			return err
		}
		return tx.Commit()
	})
	if refusal != nil {
		return refusal
	}
	return err
}

// log notes what changed in the epoch that was moved by the step, or takes the step back if no memory holds any of it.
func (t *transaction) log(ctx context.Context, step int64) error {
	if len(t.subjects) == 0 {
		return moveEpoch(ctx, t.tx, -step)
	}
	slices.Sort(t.subjects)
	return logChanges(ctx, t.tx, slices.Compact(t.subjects))
}

// join makes the work of one change a part of the transaction.
func (t *transaction) join(
	ctx context.Context, db *DB, doing string, subjects []string, work func(context.Context, *sqlx.Tx) (bool, error),
) (changed bool, err error) {
	err = db.ask(recurring(ctx, true), doing, func(ctx context.Context) (err error) {
		changed, err = work(ctx, t.tx)
		return err
	})
	switch {
	case err != nil:
		t.failed = err
		return false, err
	case changed:
		t.changed, t.subjects = true, append(t.subjects, subjects...)
	}
	return changed, nil
}
