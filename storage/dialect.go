package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/latchkey-auth/latchkey/oauth"
)

// dialect is what differs between the two databases, but for their migrations.
type dialect interface {
	// name is what sqlx knows the database by, and how to write the placeholders that have a name. Those that the statements
	// write themselves, $1, both databases take; but to SQLite these are names, which it looks for among all of them.
	name() string
	// connector makes connections on which a statement may take so long.
	connector(patience time.Duration) (driver.Connector, error)
	// kind answers which sentinel of oauth an error of the driver stands for, by its code; nil for none.
	kind(err error) error
	// migrations answers the schema's files, and how goose applies them.
	migrations() (fs.FS, goose.Dialect, []goose.ProviderOption, error)
}

// driverConn is what the connections of both drivers can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

const (
	// statementTimeout bounds one statement, and with it the wait for another writer.
	statementTimeout = 5 * time.Second
	// askTimeout bounds one question to the database: the wait for a connection and all its statements.
	askTimeout = 10 * time.Second
)

// connector makes connections. Whatever keeps it from that, be it a password or a standby, the database cannot be
// asked.
type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", oauth.ErrUnavailable, err)
	}
	return conn, nil
}

// ask puts one question to the database under a time limit, and names its failure.
func (db *DB) ask(ctx context.Context, doing string, question func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return db.failure(ctx, doing, question(bounded))
}

// failure says by the sentinels of oauth how something failed, or nil for nil. Errors of the drivers end here.
func (db *DB) failure(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	kind := db.dialect.kind(err)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", doing, oauth.ErrNotFound)
	case errors.Is(kind, oauth.ErrConflict):
		return fmt.Errorf("%s: %w: %w", doing, kind, err)
	case errors.Is(ctx.Err(), context.Canceled):
		// The caller went away. The drivers say so in several ways, of which a cancelled statement is one.
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case errors.Is(err, oauth.ErrUnavailable):
		return fmt.Errorf("%s: %w", doing, err)
	case kind != nil, interrupted(err), db.closed.Load():
		return fmt.Errorf("%s: %w: %w", doing, oauth.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// interrupted reports whether time ran out or a connection failed, whichever database it led to.
func interrupted(err error) bool {
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrTxDone) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
