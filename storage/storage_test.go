package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

var sharedPostgres storagetest.Shared

func TestMain(m *testing.M) { os.Exit(sharedPostgres.Main(m)) }

// onBoth runs a test on SQLite and on PostgreSQL. The test asks for the URL of an empty database.
func onBoth(t *testing.T, test func(t *testing.T, newURL func(testing.TB) string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newFile) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, sharedPostgres.NewDatabase) })
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
				Admin:       db,
				Usage:       db,
				Revocations: db,
				Replica:     func(t testing.TB) oauth.Store { return fresh(t, db, FreshConfig{Timeout: 10 * time.Second}) },
				Replays:     func(testing.TB) oauth.Replays { return NewReplays(db) },
			}
		})
	})
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
			{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Org: true}}},
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
		if grant.AppliesTo.Org {
			want = append(want, grant.API+" in org_one")
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
		key := newKey(t)
		addKey(t, db, key)
		sealed, err := db.seal.seal(key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := db.seal.openText(sealed, db.seal.id(), "signing key "+key.ID)
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
					held := fmt.Appendf(nil, "%s", value)
					for _, hidden := range [][]byte{[]byte(secret.Reveal()), text, scalar} {
						if bytes.Contains(held, hidden) {
							t.Errorf("the table %s holds a secret", table)
						}
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
