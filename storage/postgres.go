package storage

import (
	"context"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/latchkey-auth/latchkey/oauth"
)

//go:embed migrations/postgres
var postgresMigrations embed.FS

const namePostgres = "postgres"

const (
	postgresConnectTimeout = 3 * time.Second
	// postgresSilence is for how much longer than a statement may take the server may say nothing at all.
	postgresSilence = time.Second
	// A transaction that stalls holds up every other writer. The server ends it.
	postgresIdleInTransaction = 10 * time.Second
)

// postgres is PostgreSQL 14 or newer, through lib/pq.
type postgres struct{ config pq.Config }

func newPostgres(address string) (*postgres, error) {
	config, err := pq.NewConfig(address)
	var unparsable *url.Error
	switch {
	case errors.As(err, &unparsable): // Its text would repeat the address, and the password with it.
		return nil, fmt.Errorf("the database URL: %w", unparsable.Err)
	case err != nil:
		return nil, fmt.Errorf("the database URL: %w", err)
	}
	if config.SSLMode == "" { // lib/pq would encrypt, but talk to anybody.
		config.SSLMode = pq.SSLModeVerifyFull
		if local(config) {
			config.SSLMode = pq.SSLModeDisable
		}
	}
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = postgresConnectTimeout
	}
	if config.ApplicationName == "" {
		config.ApplicationName = "latchkey"
	}
	config.TargetSessionAttrs = pq.TargetSessionAttrsReadWrite
	config.BinaryParameters = true // One round trip for a statement instead of two.
	return &postgres{config}, nil
}

// local reports whether the way to every host stays inside this machine.
func local(config pq.Config) bool {
	hosts := append([]pq.ConfigMultihost{{Host: config.Host, Hostaddr: config.Hostaddr}}, config.Multi...)
	for _, host := range hosts {
		address := host.Hostaddr
		if !address.IsValid() {
			address, _ = netip.ParseAddr(host.Host)
		}
		socket := filepath.IsAbs(host.Host) || strings.HasPrefix(host.Host, "@")
		if !address.IsLoopback() && (host.Hostaddr.IsValid() || !socket && host.Host != "localhost") {
			return false
		}
	}
	return true
}

func (p *postgres) name() string { return namePostgres }

func (p *postgres) connector(patience time.Duration) (driver.Connector, error) {
	config := p.config.Clone()
	config.Runtime["timezone"] = "UTC"
	for setting, value := range map[string]string{
		// What a list reads lies in memory, or on a disk without a head to move: the planner should look rows up.
		"random_page_cost": "1.1",
		// Statements of milliseconds are over before a second process or compiled code has started.
		"max_parallel_workers_per_gather": "0",
		"jit":                             "off",
	} {
		if config.Runtime[setting] == "" {
			config.Runtime[setting] = value
		}
	}
	config.Runtime["idle_in_transaction_session_timeout"] = milliseconds(max(patience, postgresIdleInTransaction))
	if config.Runtime["statement_timeout"] == "" || patience > statementTimeout {
		config.Runtime["statement_timeout"] = milliseconds(patience)
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("the database URL: %w", err)
	}
	connector.Dialer(&patientDialer{patience: patience + postgresSilence})
	return &postgresConnector{connector}, nil
}

type postgresConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c *postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return newPreparedConn(conn), nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (p *postgres) kind(err error) error {
	refused := pq.As(err)
	if refused == nil {
		return nil
	}
	switch refused.Code.Class() {
	case "08", "53": // connection exception, insufficient resources
		return oauth.ErrUnavailable
	}
	switch refused.Code {
	case pqerror.UniqueViolation:
		return oauth.ErrConflict
	case pqerror.AdminShutdown, pqerror.CrashShutdown, pqerror.CannotConnectNow, pqerror.DatabaseDropped,
		pqerror.IdleSessionTimeout, pqerror.IdleInTransactionSessionTimeout,
		pqerror.QueryCanceled, pqerror.LockNotAvailable, pqerror.TRDeadlockDetected,
		pqerror.ReadOnlySQLTransaction: // The primary has become a standby.
		return oauth.ErrUnavailable
	default:
		return nil
	}
}

func (p *postgres) migrations() (fs.FS, goose.Dialect, []goose.ProviderOption, error) {
	files, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		return nil, "", nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(migrationTimeout/time.Second)))
	return files, goose.DialectPostgres, []goose.ProviderOption{goose.WithSessionLocker(locker)}, err
}

// patientDialer makes connections that end when the other side has said nothing for too long. lib/pq asks the server
// to cancel a statement when its context ends, and then waits for the answer: without an end of its own, that wait
// would last for as long as a network swallows packets.
type patientDialer struct {
	net.Dialer
	patience time.Duration
}

// DialTimeout implements pq.Dialer.
func (d *patientDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (d *patientDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &patientConn{conn, d.patience}, nil
}

// patientConn gives every read and write its own deadline. lib/pq reads only while it waits for an answer.
type patientConn struct {
	net.Conn
	patience time.Duration
}

// Read implements net.Conn.
func (c *patientConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *patientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
