package storage

import (
	"context"
	"crypto/rand"
	"encoding/binary"

	"github.com/jmoiron/sqlx"
)

// The subjects of the log of changes: what a memory of the database must drop. A client's is this prefix and its id.
const (
	subjectClient  = "client:"
	subjectClients = "clients" // so many that they are not named one by one
	subjectCatalog = "catalog" // an API or a tenant
	subjectKeys    = "keys"
	subjectTokens  = "tokens" // denied one by one
)

const (
	// An epoch steps on by a random number of up to maxEpochStep. A database that has lost its last changes, because
	// it was restored from a backup or is a standby promoted too early, therefore does not reach by other changes an
	// epoch that somebody remembers: that epoch is missing from its log.
	maxEpochStep = 1 << 31
	// logReach is how far back the log of changes goes at least: over the last 10,000 epochs.
	logReach = 10_000 * maxEpochStep
)

// change runs work in one transaction that tells every memory of the database to drop what it has of the subjects.
// It commits if work answers true; otherwise nothing has happened. It answers whether it committed.
//
// The transaction moves the epoch first. All writers queue on that one row, so they follow each other: none sees
// another's half of the work, none can deadlock with another, and epochs are committed in their order. Without
// subjects the epoch stays where it is, for no memory holds what changes; the transaction queues all the same. Only what
// is bookkeeping stands outside of the queue: AddUsage and Prune.
//
// Within a transaction of [DB.Transact] the work becomes a part of that one, which commits it or not.
//
// If the connection fails during the commit, nobody can say whether the change was made; the error is
// oauth.ErrUnavailable.
func (db *DB) change(
	ctx context.Context, doing string, subjects []string, work func(context.Context, *sqlx.Tx) (bool, error),
) (changed bool, err error) {
	if db.within != nil {
		return db.within.join(ctx, db, doing, subjects, work)
	}
	err = db.ask(recurring(ctx, true), doing, func(ctx context.Context) error {
		tx, err := db.sql.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // After the commit it does nothing.
		step := int64(0)
		if len(subjects) > 0 {
			step = randomStep()
		}
		if err := moveEpoch(ctx, tx, step); err != nil {
			return err
		}
		if err := logChanges(ctx, tx, subjects); err != nil {
			return err
		}
		if changed, err = work(ctx, tx); err != nil || !changed {
			return err
		}
		return tx.Commit()
	})
	return changed && err == nil, err
}

// moveEpoch waits until no other transaction writes, and moves the epoch by a step: of 0 to wait alone, and of less to take a
// step back. Whoever moves it must log what changes.
func moveEpoch(ctx context.Context, tx *sqlx.Tx, step int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE epoch SET value = value + $1 WHERE id = 1`, step)
	return err
}

// logChanges notes in the log that the subjects change in the present epoch.
func logChanges(ctx context.Context, tx *sqlx.Tx, subjects []string) error {
	type subjectRow struct {
		Subject string `db:"subject"`
	}
	rows := make([]subjectRow, len(subjects))
	for i, subject := range subjects {
		rows[i].Subject = subject
	}
	ctx = recurring(ctx, len(rows) <= few)
	return insertRows(ctx, tx, `INSERT INTO changes (epoch, subject) VALUES ((SELECT value FROM epoch WHERE id = 1), :subject)
		ON CONFLICT DO NOTHING`, rows)
}

// note adds what turned out to change to the subjects of the transaction under way.
func (db *DB) note(ctx context.Context, tx *sqlx.Tx, subjects []string) error {
	if db.within != nil {
		db.within.subjects = append(db.within.subjects, subjects...)
		return nil
	}
	return logChanges(ctx, tx, subjects)
}

// randomStep draws evenly from 1 to maxEpochStep.
func randomStep() int64 {
	var random [4]byte
	rand.Read(random[:]) // crypto/rand.Read never fails: it ends the program instead.
	return int64(binary.NativeEndian.Uint32(random[:])%maxEpochStep) + 1
}
