package storage

import (
	"context"
	"database/sql/driver"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxPrepared is how many statements a connection remembers.
const maxPrepared = 128

// few is up to how many ids or rows a statement is likely to come again with just as many.
const few = 10

type recurringKey struct{}

// recurring marks what is asked with the context as statements that come again and again in the same words, and are worth
// keeping prepared. It is not for those of which the best plan depends on their values, as it does for a list: PostgreSQL
// would sooner or later plan them without looking at the values. Marked false, what is asked is no such statement after all.
func recurring(ctx context.Context, recurs bool) context.Context {
	return context.WithValue(ctx, recurringKey{}, recurs)
}

// preparedConn is a connection to PostgreSQL that keeps recurring statements prepared, as database/sql cannot do it within
// a transaction: it would need a second connection. With a million credentials, one was switched off in a fifth less time this
// way, over paired runs, and created in a tenth less. Rows must be read or closed before the next statement.
type preparedConn struct {
	postgresConn
	kept *simplelru.LRU[string, driver.Stmt] // Nil for one that has come once, and may not come again.
}

// postgresConn is what lib/pq's connections can do.
type postgresConn interface {
	driverConn
	driver.NamedValueChecker
}

func newPreparedConn(conn driver.Conn) *preparedConn {
	// An LRU is refused for a size below 1 alone. A statement that cannot be closed is one of a broken connection.
	kept, _ := simplelru.NewLRU(maxPrepared, func(_ string, statement driver.Stmt) {
		if statement != nil {
			statement.Close()
		}
	})
	return &preparedConn{conn.(postgresConn), kept}
}

// prepared answers the statement, or nil if it does not recur.
func (c *preparedConn) prepared(ctx context.Context, query string) (driver.Stmt, error) {
	if recurs, _ := ctx.Value(recurringKey{}).(bool); !recurs {
		return nil, nil
	}
	statement, known := c.kept.Get(query)
	if known && statement == nil {
		var err error
		if statement, err = c.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	c.kept.Add(query, statement)
	return statement, nil
}

// forgetFailed forgets a statement that has failed. It may have been prepared for another schema: after a migration that
// changes the type of a column that it answers, each connection fails once.
func (c *preparedConn) forgetFailed(query string, err error) {
	if err != nil {
		c.kept.Remove(query)
	}
}

// QueryContext implements driver.QueryerContext.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	statement, err := c.prepared(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement == nil:
		return c.postgresConn.QueryContext(ctx, query, args)
	}
	rows, err := statement.(driver.StmtQueryContext).QueryContext(ctx, args)
	c.forgetFailed(query, err)
	return rows, err
}

// ExecContext implements driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	statement, err := c.prepared(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement == nil:
		return c.postgresConn.ExecContext(ctx, query, args)
	}
	result, err := statement.(driver.StmtExecContext).ExecContext(ctx, args)
	c.forgetFailed(query, err)
	return result, err
}
