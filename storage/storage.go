package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

var _ admin.Store = (*DB)(nil)

// DB is a database. It is safe for concurrent use.
type DB struct {
	sql     *sqlx.DB
	dialect dialect
	seal    *sealer
	module  oauth.SecurityModule // Nil for none.
	now     func() time.Time
	within  *transaction // The one that this is the inside of; nil for none.
	closed  *atomic.Bool
}

// Config is what a DB is made of.
type Config struct {
	// URL is postgres://… as lib/pq reads it, or sqlite:path.
	//
	// PostgreSQL must be the primary, for a standby could not prove that it is not behind. Unless the URL says
	// otherwise, sslmode is verify-full, or disable on loopback and Unix sockets; and each statement may take five
	// seconds.
	URL string
	// MasterKey are the 32 bytes that signing keys are sealed under. It is not kept in the database.
	MasterKey []byte
	// PreviousMasterKeys open what was sealed before the master key was changed; see [DB.Reseal].
	PreviousMasterKeys [][]byte
	// Module keeps the private keys that were made there; nil for none.
	Module oauth.SecurityModule
	// MaxConns is the greatest number of connections; zero for 10.
	MaxConns int
	// MustExist refuses to make an SQLite file.
	MustExist bool
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

const defaultMaxConns = 10

// Open opens the database and checks that it answers. An SQLite file is made, readable by its owner alone, if there
// is none and none must be. The schema is left as it is: see [DB.Migrate].
func Open(ctx context.Context, config Config) (*DB, error) {
	if config.Now == nil {
		return nil, errors.New("opening the database: Config.Now is missing")
	}
	seal, err := newSealer(slices.Concat([][]byte{config.MasterKey}, config.PreviousMasterKeys)...)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	dialect, err := dialectOf(config.URL, config.MustExist)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	if config.MaxConns == 0 {
		config.MaxConns = defaultMaxConns
	}
	db := &DB{dialect: dialect, seal: seal, module: config.Module, now: config.Now, closed: new(atomic.Bool)}
	if db.sql, err = connect(dialect, statementTimeout, config.MaxConns); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		db.sql.Close()
		return nil, err
	}
	return db, nil
}

func dialectOf(url string, mustExist bool) (dialect, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return newPostgres(url)
	case "sqlite":
		return newSQLite(rest, mustExist)
	default:
		return nil, errors.New("the database URL must begin with sqlite: or postgres://")
	}
}

// connect makes a pool of connections on which a statement may take so long.
func connect(dialect dialect, patience time.Duration, maxConns int) (*sqlx.DB, error) {
	driver, err := dialect.connector(patience)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector{driver})
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return sqlx.NewDb(pool, dialect.name()), nil
}

// aside answers the same database through connections of its own.
func (db *DB) aside(maxConns int) (*DB, error) {
	other := *db
	other.closed = new(atomic.Bool)
	var err error
	other.sql, err = connect(db.dialect, statementTimeout, maxConns)
	return &other, err
}

// Ping answers whether the database can be asked.
func (db *DB) Ping(ctx context.Context) error {
	return db.ask(ctx, "asking the database whether it is there", db.sql.PingContext)
}

// Stats answers what the connections are doing.
func (db *DB) Stats() sql.DBStats { return db.sql.Stats() }

// Close closes all connections. Who asks after that is told oauth.ErrUnavailable.
func (db *DB) Close() error {
	db.closed.Store(true)
	return db.sql.Close()
}
