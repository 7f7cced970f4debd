package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// maxSessions is how many sessions an operator has at most, the newest.
const maxSessions = 20

// CreateSession implements admin.Store.
func (db *DB) CreateSession(ctx context.Context, session admin.Session, passwordHash string, event admin.Event) error {
	_, err := db.change(ctx, "signing an operator in", nil, func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
		signed, err := tx.ExecContext(ctx, `UPDATE operators SET last_sign_in_at = $1
			WHERE id = $2 AND password_hash = $3 AND status = 'active'`,
			moment{session.CreatedAt}, session.OperatorID, passwordHash)
		if err := onlyOne(signed, err); err != nil {
			return false, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (hash, operator_id, created_at, last_used_at)
			VALUES ($1, $2, $3, $4)`, session.Hash[:], session.OperatorID, moment{session.CreatedAt}, moment{session.LastUsedAt})
		if err != nil {
			return false, err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1 AND hash NOT IN
			(SELECT hash FROM sessions WHERE operator_id = $1 ORDER BY created_at DESC, hash LIMIT $2)`,
			session.OperatorID, maxSessions)
		if err != nil {
			return false, err
		}
		return true, insertEvent(ctx, tx, &event)
	})
	return err
}

// onlyOne answers sql.ErrNoRows if a statement changed nothing.
func onlyOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	rows, err := result.RowsAffected()
	if err == nil && rows == 0 {
		err = sql.ErrNoRows
	}
	return err
}

// Session implements admin.Store.
func (db *DB) Session(ctx context.Context, hash oauth.SecretHash) (*admin.Session, *admin.Operator, error) {
	var row struct {
		operatorRow
		Began    moment `db:"session_created_at"`
		LastUsed moment `db:"session_last_used_at"`
	}
	err := db.ask(ctx, "reading a session", func(ctx context.Context) error {
		return db.sql.GetContext(ctx, &row, `SELECT `+operatorColumns+`, s.created_at AS session_created_at,
			s.last_used_at AS session_last_used_at FROM `+operatorTables+`
			JOIN sessions s ON s.operator_id = o.id WHERE s.hash = $1`, hash[:])
	})
	if err != nil {
		return nil, nil, err
	}
	operator, err := db.operatorOf(&row.operatorRow)
	if err != nil {
		return nil, nil, err
	}
	return &admin.Session{
		Hash: hash, OperatorID: operator.ID, CreatedAt: row.Began.Time, LastUsedAt: row.LastUsed.Time,
	}, operator, nil
}

// UseSession implements admin.Store.
func (db *DB) UseSession(ctx context.Context, hash oauth.SecretHash, at time.Time) error {
	return db.ask(ctx, "noting that a session is used", func(ctx context.Context) error {
		_, err := db.sql.ExecContext(ctx, `UPDATE sessions SET last_used_at = $1 WHERE hash = $2`, moment{at}, hash[:])
		return err
	})
}

// DeleteSession implements admin.Store.
func (db *DB) DeleteSession(ctx context.Context, hash oauth.SecretHash, event admin.Event) error {
	_, err := db.change(ctx, "signing an operator out", nil, func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
		if err := onlyOne(tx.ExecContext(ctx, `DELETE FROM sessions WHERE hash = $1`, hash[:])); err != nil {
			return false, err
		}
		return true, insertEvent(ctx, tx, &event)
	})
	return err
}

// DeleteSessions implements admin.Store.
func (db *DB) DeleteSessions(ctx context.Context, operatorID string, event admin.Event) error {
	_, err := db.change(ctx, "signing an operator out everywhere", nil, func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1`, operatorID); err != nil {
			return false, err
		}
		return true, insertEvent(ctx, tx, &event)
	})
	return err
}
