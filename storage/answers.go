package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// answerRow is a row of idempotency.
type answerRow struct {
	ID          []byte `db:"id"`
	Actor       string `db:"actor"`
	Fingerprint []byte `db:"fingerprint"`
	Attempt     string `db:"attempt"`
	Answer      []byte `db:"answer"`
	ExpiresAt   moment `db:"expires_at"`
}

const selectAnswer = `SELECT id, actor, fingerprint, attempt, answer, expires_at FROM idempotency WHERE id = $1`

func (r *answerRow) answer() admin.KeptAnswer {
	return admin.KeptAnswer{
		ID: r.ID, Actor: r.Actor, Fingerprint: r.Fingerprint, Attempt: r.Attempt,
		Answer: r.Answer, ExpiresAt: r.ExpiresAt.Time,
	}
}

// ClaimAnswer implements admin.Store. Each of its statements is a transaction of its own and locks one row at most, so
// no two of them can wait for each other; and it writes nothing for a request that is known.
func (db *DB) ClaimAnswer(ctx context.Context, claim admin.KeptAnswer, now time.Time, keep int) (admin.KeptAnswer, error) {
	var row answerRow
	err := db.ask(ctx, "claiming a request", func(ctx context.Context) error {
		err := db.sql.GetContext(ctx, &row, selectAnswer, claim.ID)
		if err == nil && row.ExpiresAt.After(now) || err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := db.forgetAnswers(ctx, claim, now, keep); err != nil {
			return err
		}
		_, err = db.sql.ExecContext(ctx, `INSERT INTO idempotency (id, actor, fingerprint, attempt, expires_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, attempt = excluded.attempt,
				answer = NULL, expires_at = excluded.expires_at
			WHERE idempotency.expires_at <= $6`,
			claim.ID, claim.Actor, claim.Fingerprint, claim.Attempt, moment{claim.ExpiresAt}, moment{now})
		if err != nil {
			return err
		}
		row = answerRow{}
		return db.sql.GetContext(ctx, &row, selectAnswer, claim.ID)
	})
	if errors.Is(err, oauth.ErrNotFound) {
		// Whoever held the claim gave it up between the two statements. To the caller it is still held: it asks again.
		claim.Attempt = ""
		return claim, nil
	}
	return row.answer(), err
}

// forgetAnswers deletes two that have ended, and one of the actor's beyond those that are kept. One is added for each
// time that this is done: so the table cannot grow by what is of no use.
func (db *DB) forgetAnswers(ctx context.Context, claim admin.KeptAnswer, now time.Time, keep int) error {
	var useless []answerRow
	err := db.sql.SelectContext(ctx, &useless, `SELECT id, attempt FROM
			(SELECT id, attempt FROM idempotency WHERE expires_at <= $1 AND id <> $2 ORDER BY expires_at LIMIT 2) ended
		UNION SELECT id, attempt FROM
			(SELECT id, attempt FROM idempotency WHERE actor = $3 AND answer IS NOT NULL
				ORDER BY expires_at DESC, id LIMIT 1 OFFSET $4) beyond`,
		moment{now}, claim.ID, claim.Actor, keep)
	if err != nil {
		return err
	}
	for _, row := range useless {
		// Another may have claimed it since: then it is another attempt's.
		_, err := db.sql.ExecContext(ctx, `DELETE FROM idempotency WHERE id = $1 AND attempt = $2`, row.ID, row.Attempt)
		if err != nil {
			return err
		}
	}
	return nil
}

// KeepAnswer implements admin.Store.
func (db *DB) KeepAnswer(ctx context.Context, claim admin.KeptAnswer) error {
	return db.ask(ctx, "keeping an answer", func(ctx context.Context) error {
		result, err := db.sql.ExecContext(ctx, `UPDATE idempotency SET answer = $1, expires_at = $2
			WHERE id = $3 AND attempt = $4`, claim.Answer, moment{claim.ExpiresAt}, claim.ID, claim.Attempt)
		if err != nil {
			return err
		}
		if rows, err := result.RowsAffected(); err != nil || rows > 0 {
			return err
		}
		return sql.ErrNoRows
	})
}

// DropAnswer implements admin.Store.
func (db *DB) DropAnswer(ctx context.Context, claim admin.KeptAnswer) error {
	return db.ask(ctx, "giving up a request", func(ctx context.Context) error {
		_, err := db.sql.ExecContext(ctx, `DELETE FROM idempotency WHERE id = $1 AND attempt = $2`, claim.ID, claim.Attempt)
		return err
	})
}
