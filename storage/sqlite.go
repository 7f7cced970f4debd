package storage

import (
	"context"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/latchkey-auth/latchkey/oauth"
)

//go:embed migrations/sqlite
var sqliteMigrations embed.FS

// sqlite is a file of SQLite, through modernc.org/sqlite. Several processes may share it.
type sqlite struct{ path string }

const sqliteCacheKiB = 512

// newSQLite makes the file if there is none and none must be, readable by its owner alone. SQLite gives the files beside
// it the same permissions.
func newSQLite(path string, mustExist bool) (*sqlite, error) {
	if authority, ok := strings.CutPrefix(path, "//"); ok {
		if !strings.HasPrefix(authority, "/") {
			return nil, errors.New("the database URL: write sqlite:path, or sqlite:///path from the root")
		}
		path = authority
	}
	switch {
	case path == "" || strings.HasPrefix(path, ":memory:"):
		return nil, errors.New("the database URL: SQLite needs a file, such as sqlite:latchkey.db")
	case strings.ContainsAny(path, "?#\x00"):
		return nil, errors.New("the database URL: an SQLite path must not contain ? or #: its settings are not for choice")
	}
	if _, err := os.Stat(path); mustExist && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database %s", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the database's folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	return &sqlite{path}, file.Close()
}

func (s *sqlite) name() string { return "sqlite3" }

func (s *sqlite) connector(patience time.Duration) (driver.Connector, error) {
	settings := url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()),
			"journal_mode(WAL)",
			// In WAL, less than FULL could lose a change that has been answered when the power fails.
			"synchronous(FULL)",
			"foreign_keys(1)",
			// Each connection has a cache of pages, of 2 MB unless told. The operating system keeps the file in memory as well.
			fmt.Sprintf("cache_size(-%d)", sqliteCacheKiB),
		},
		// A transaction that began by reading could not become a writer while another one is.
		"_txlock": {"immediate"},
		// A time is an integer: it compares, and reads back, as what it was.
		"_time_integer_format": {"unix_micro"},
		"_inttotime":           {"1"},
		// A column misspelt in double quotes is an error and not a string.
		"_dqs": {"0"},
	}
	address := "file:" + (&url.URL{Path: s.path}).EscapedPath() + "?" + settings.Encode()
	connector, err := sqlitedriver.NewConnector(address)
	return &sqliteConnector{connector, patience, make(chan struct{}, 1)}, err
}

// sqliteConnector waits for a file that other processes are just opening as well: SQLite answers at once, and not
// after the busy timeout, when the first of them switches the file to WAL.
type sqliteConnector struct {
	driver.Connector
	patience time.Duration
	turn     chan struct{} // of [sqliteConn]
}

// Connect implements driver.Connector.
func (c *sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for {
		conn, err := c.Connector.Connect(ctx)
		switch {
		case err == nil:
			return &sqliteConn{conn.(driverConn), c.patience, c.turn}, nil
		case sqliteCode(err) != sqlite3.SQLITE_BUSY:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *sqlite) kind(err error) error {
	var refused *sqlitedriver.Error
	if !errors.As(err, &refused) {
		return nil
	}
	switch refused.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return oauth.ErrConflict
	}
	switch sqliteCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL:
		return oauth.ErrUnavailable
	default:
		return nil
	}
}

// sqliteCode answers the primary result code of an error, which is the low byte of the extended one; 0 for none.
func sqliteCode(err error) int {
	var refused *sqlitedriver.Error
	if errors.As(err, &refused) {
		return refused.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}

func (s *sqlite) migrations() (fs.FS, goose.Dialect, []goose.ProviderOption, error) {
	files, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	return files, goose.DialectSQLite3, nil, err
}
