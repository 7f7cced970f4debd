package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
)

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{URL: "mysql://root@localhost"}, "must begin with sqlite: or postgres://"},
		{Config{URL: "sqlite::memory:"}, "SQLite needs a file"},
		{Config{URL: "sqlite:"}, "SQLite needs a file"},
		{Config{URL: "sqlite://relative/path"}, "write sqlite:path"},
		{Config{URL: "sqlite:" + folder + "/a?mode=ro"}, "must not contain ?"},
		{Config{URL: "postgres://user:hunter2@host:port/db"}, "the database URL"},
		{Config{URL: "postgres://user:hunter2@%zz/db"}, "the database URL"},
		{Config{URL: "sqlite:" + folder + "/a", MasterKey: []byte("short")}, "the master key must have 32 bytes and has 5"},
	} {
		if test.config.MasterKey == nil {
			test.config.MasterKey = masterKey()
		}
		test.config.Now = now
		_, err := Open(t.Context(), test.config)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, and should say %q", test.config.URL, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	_, err := Open(t.Context(), Config{URL: "postgres://127.0.0.1:1/db", MasterKey: masterKey(), Now: now})
	if !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("a server that is not there: %v", err)
	}
}

func TestTLSByDefault(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://localhost/db":                           "disable",
		"postgres://127.0.0.1/db":                           "disable",
		"postgres://[::1]:5432/db":                          "disable",
		"postgres:///db?host=/run/postgresql":               "disable",
		"postgres://db.example/db":                          "verify-full",
		"postgres://localhost,db.example/db":                "verify-full",
		"postgres://localhost/db?hostaddr=192.0.2.1":        "verify-full",
		"postgres://db.example/db?sslmode=require":          "require",
		"postgres://localhost/db?sslmode=verify-ca":         "verify-ca",
		"postgresql://db.example/db?sslrootcert=system":     "verify-full",
		"postgres://db.example/db?target_session_attrs=any": "verify-full",
	} {
		p, err := newPostgres(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := string(p.config.SSLMode); got != want {
			t.Errorf("%s: sslmode is %s, and should be %s", url, got, want)
		}
		if p.config.TargetSessionAttrs != "read-write" {
			t.Errorf("%s: a standby would do", url)
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "odd name%20#.db")
	_, err := newSQLite(path, false)
	if err == nil {
		t.Error("a # in the path was accepted")
	}
	path = strings.ReplaceAll(path, "#", "")
	planted(t, migrated(t, "sqlite://"+path))
	for name, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, and should have %o", name, got, want)
		}
	}
}

// TestDurability holds the settings that an answered change relies on when the power fails.
func TestDurability(t *testing.T) {
	db := migrated(t, newFile(t))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		if err := db.sql.Get(&got, "PRAGMA "+pragma); err != nil || got != want {
			t.Errorf("%s is %s (%v), and should be %s", pragma, got, err, want)
		}
	}
}
