package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

// onBoth runs a test on SQLite and on PostgreSQL. The test asks for the URL of an empty database.
func onBoth(t *testing.T, test func(t *testing.T, newURL func(testing.TB) string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newFile) })
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, storagetest.Postgres(t).NewDatabase)
	})
}

func newFile(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db") }

func masterKey() []byte { return bytes.Repeat([]byte{7}, masterKeyBytes) }

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// open opens a database as it is.
func open(t testing.TB, url string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{URL: url, MasterKey: masterKey(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// migrated opens a database and brings its schema up.
func migrated(t testing.TB, url string) *DB {
	t.Helper()
	db := open(t, url)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func fresh(t testing.TB, db *DB, config FreshConfig) *Fresh {
	t.Helper()
	f, err := NewFresh(t.Context(), db, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// planted puts an org, an API and one client of it into the database.
func planted(t testing.TB, db *DB) (*oauth.Client, oauth.Plaintext) {
	t.Helper()
	org := oauth.Tenant{ID: "org_one", Level: oauth.LevelOrg, Name: "One", OrgID: "org_one", Status: oauth.StatusActive}
	if err := db.PutTenant(t.Context(), org, event("tenant.put", org.ID)); err != nil {
		t.Fatal(err)
	}
	api := oauth.API{Key: "profile", Level: oauth.LevelOrg, Choice: oauth.ChoiceMany, Status: oauth.StatusActive}
	if err := db.PutAPI(t.Context(), api, event("api.put", api.Key)); err != nil {
		t.Fatal(err)
	}
	secret, text := oauth.NewSecret(now(), "test")
	client := &oauth.Client{
		ID: oauth.NewID("cid"), OrgID: org.ID, Name: "Robot", Status: oauth.StatusActive, AuthMethod: oauth.AuthSecret,
		Secrets:   []oauth.Secret{secret},
		Grants:    []oauth.Grant{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Org: true}}},
		CreatedAt: now(), UpdatedAt: now(), Version: 1,
	}
	if err := db.CreateClient(t.Context(), client, event("credential.created", client.ID)); err != nil {
		t.Fatal(err)
	}
	return client, text
}

func event(action, target string) admin.Event {
	return admin.Event{ID: oauth.NewID("evt"), At: now(), ActorKind: admin.ActorSystem, Action: action, Target: target}
}

// setStatus changes the client, as an administrator would.
func setStatus(ctx context.Context, db *DB, id string, status oauth.Status) error {
	return db.UpdateClient(ctx, id, func(client *oauth.Client) (*admin.Event, error) {
		client.Status = status
		client.Version++
		event := event("credential.changed", id)
		return &event, nil
	})
}

func TestContract(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		storagetest.Run(t, func(t testing.TB) storagetest.Database {
			db := migrated(t, newURL(t))
			return storagetest.Database{
				Admin:   db,
				Replica: func(t testing.TB) oauth.Store { return fresh(t, db, FreshConfig{Timeout: 10 * time.Second}) },
			}
		})
	})
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{URL: "mysql://root@localhost"}, "must begin with postgres:// or sqlite:"},
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
	_, err := newSQLite(path)
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

func TestGrantTables(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		client, _ := planted(t, db)
		for _, tenant := range []oauth.Tenant{
			{ID: "acc_one", Level: oauth.LevelAccount, ParentID: "org_one"},
			{ID: "acc_two", Level: oauth.LevelAccount, ParentID: "org_one"},
			{ID: "wks_one", Level: oauth.LevelWorkspace, ParentID: "acc_one"},
		} {
			tenant.Name, tenant.OrgID, tenant.Status = tenant.ID, "org_one", oauth.StatusActive
			if err := db.PutTenant(t.Context(), tenant, event("tenant.put", tenant.ID)); err != nil {
				t.Fatal(err)
			}
		}
		for _, grants := range [][]oauth.Grant{
			{{API: "profile", Permissions: []string{"read", "write"}, AppliesTo: oauth.Places{Accounts: []string{"acc_one", "acc_two"}}}},
			{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{
				Accounts: []string{"acc_one"}, Workspaces: []string{"wks_one"}, AllWorkspacesOf: []string{"acc_one", "acc_two"},
			}}},
			{},
		} {
			err := db.UpdateClient(t.Context(), client.ID, func(client *oauth.Client) (*admin.Event, error) {
				client.Grants = grants
				event := event("credential.changed", client.ID)
				return &event, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			checkGrantTables(t, db, client.ID)
		}
		if err := setStatus(t.Context(), db, client.ID, oauth.StatusDeleted); err != nil {
			t.Fatal(err)
		}
		checkGrantTables(t, db, client.ID)
		var left int
		if err := db.sql.Get(&left, `SELECT COUNT(*) FROM secrets WHERE client_id = $1`, client.ID); err != nil || left != 0 {
			t.Errorf("the tombstone has %d secrets (%v)", left, err)
		}
	})
}

// checkGrantTables holds the two tables of grants against the client's own row.
func checkGrantTables(t testing.TB, db *DB, id string) {
	t.Helper()
	var text string
	if err := db.sql.Get(&text, `SELECT grants FROM clients WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	var grants []oauth.Grant
	if err := json.Unmarshal([]byte(text), &grants); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, grant := range grants {
		for _, permission := range grant.Permissions {
			want = append(want, grant.API+" allows "+permission)
		}
		for _, place := range slices.Concat(grant.AppliesTo.Accounts, grant.AppliesTo.Workspaces, grant.AppliesTo.AllWorkspacesOf) {
			want = append(want, grant.API+" in "+place)
		}
	}
	var got []string
	err := db.sql.Select(&got, `SELECT api || ' allows ' || permission FROM grant_permissions WHERE client_id = $1
		UNION ALL SELECT api || ' in ' || tenant_id FROM grant_places WHERE client_id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("the tables say %v, the client %v", got, want)
	}
}

// TestNoSecretAtRest looks through every value of every table.
func TestNoSecretAtRest(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		_, secret := planted(t, db)
		key, err := oauth.NewSigningKey(now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.AddFirstKey(t.Context(), key, event("key.created", key.ID)); err != nil {
			t.Fatal(err)
		}
		sealed, err := db.seal.seal(key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := db.seal.aead.Open(nil, nil, sealed, purpose(key.ID))
		if err != nil {
			t.Fatal(err)
		}
		scalar := text[36:68] // The private scalar of a P-256 key in PKCS #8.
		values := 0
		for table := range columns(t, db) {
			rows, err := db.sql.Queryx("SELECT * FROM " + table)
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				row, err := rows.SliceScan()
				if err != nil {
					t.Fatal(err)
				}
				for _, value := range row {
					values++
					bytes := fmt.Appendf(nil, "%s", value)
					if contains(bytes, []byte(secret.Reveal())) || contains(bytes, text) || contains(bytes, scalar) {
						t.Errorf("the table %s holds a secret", table)
					}
				}
			}
			rows.Close()
		}
		if values < 50 {
			t.Errorf("only %d values were looked at", values)
		}
	})
}

func contains(b, part []byte) bool { return bytes.Contains(b, part) }
