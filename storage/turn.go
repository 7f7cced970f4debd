package storage

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteConn is a connection that stands in line to write. SQLite has one writer at a time and no queue: who waits for
// it looks ever more seldom, in the end every 100 ms, and finds the file taken by somebody who came later, until its
// patience ends. So the connections of one pool queue here, and the first of them looks often, since it competes with
// other processes.
type sqliteConn struct {
	driverConn
	patience time.Duration
	turn     chan struct{} // full while a connection of the pool writes
}

// BeginTx implements driver.ConnBeginTx.
func (c *sqliteConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	tx, err := c.begin(ctx, options)
	if err != nil {
		<-c.turn
		return nil, err
	}
	return &sqliteTx{tx, c.turn}, nil
}

// begin looks for the end of other processes' transactions by itself, while SQLite does not.
func (c *sqliteConn) begin(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.wait(ctx, 0); err != nil {
		return nil, err
	}
	tx, err := c.driverConn.BeginTx(ctx, options)
	for start := time.Now(); sqliteCode(err) == sqlite3.SQLITE_BUSY && time.Since(start) < c.patience; {
		select {
		case <-time.After(time.Millisecond + rand.N(time.Millisecond)):
			tx, err = c.driverConn.BeginTx(ctx, options)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if failed := c.wait(context.WithoutCancel(ctx), c.patience); failed != nil && err == nil {
		tx.Rollback()
		return nil, failed
	}
	return tx, err
}

// wait says how long a statement of this connection waits for others.
func (c *sqliteConn) wait(ctx context.Context, patience time.Duration) error {
	_, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", patience.Milliseconds()), nil)
	return err
}

// sqliteTx is a transaction whose end is the next one's turn.
type sqliteTx struct {
	driver.Tx
	turn chan struct{}
}

// Commit implements driver.Tx.
func (t *sqliteTx) Commit() error {
	defer func() { <-t.turn }()
	return t.Tx.Commit()
}

// Rollback implements driver.Tx.
func (t *sqliteTx) Rollback() error {
	defer func() { <-t.turn }()
	return t.Tx.Rollback()
}
