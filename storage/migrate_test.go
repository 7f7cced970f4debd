package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/sync/errgroup"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func TestMigrate(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := open(t, newURL(t))
		if err := db.CheckMigrated(t.Context()); !errors.Is(err, ErrSchemaOld) {
			t.Errorf("an empty database: %v", err)
		}
		for range 2 {
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := db.CheckMigrated(t.Context()); err != nil {
				t.Errorf("a migrated database: %v", err)
			}
		}
		db.sql.MustExec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
		for what, err := range map[string]error{"Migrate": db.Migrate(t.Context()), "CheckMigrated": db.CheckMigrated(t.Context())} {
			if !errors.Is(err, ErrSchemaNew) || !strings.Contains(err.Error(), "version 99") {
				t.Errorf("%s of a newer database: %v", what, err)
			}
		}
	})
}

// TestMigrateAtOnce has eight replicas start on one empty database.
func TestMigrateAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		url := newURL(t)
		var replicas errgroup.Group
		for range 8 {
			replicas.Go(func() error {
				db, err := Open(t.Context(), Config{URL: url, MasterKey: masterKey(), Now: now})
				if err != nil {
					return err
				}
				defer db.Close()
				return db.Migrate(t.Context())
			})
		}
		if err := replicas.Wait(); err != nil {
			t.Fatal(err)
		}
		var applied int
		db := open(t, url)
		err := db.sql.Get(&applied, `SELECT COUNT(*) FROM goose_db_version WHERE version_id = 1`)
		if err != nil || applied != 1 {
			t.Errorf("the first migration was applied %d times (%v)", applied, err)
		}
	})
}

// TestSameColumns holds the two sets of migrations against each other: tables, columns, types and NULLs.
func TestSameColumns(t *testing.T) {
	lite := columns(t, migrated(t, newFile(t)))
	post := columns(t, migrated(t, sharedPostgres.NewDatabase(t)))
	tables := slices.Sorted(maps.Keys(lite))
	if other := slices.Sorted(maps.Keys(post)); !slices.Equal(tables, other) {
		t.Fatalf("SQLite has the tables %v, PostgreSQL %v", tables, other)
	}
	for _, table := range tables {
		if !maps.Equal(lite[table], post[table]) {
			t.Errorf("table %s: SQLite has %v, PostgreSQL %v", table, lite[table], post[table])
		}
	}
}

// columns answers, for each table of ours, the columns with their logical types.
func columns(t testing.TB, db *DB) map[string]map[string]string {
	t.Helper()
	query := `SELECT m.name AS "table", c.name AS "column", c.type AS "type", c."notnull" = 0 AS nullable
		FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`
	if _, ok := db.dialect.(*postgres); ok {
		query = `SELECT table_name AS "table", column_name AS "column", data_type AS "type", is_nullable = 'YES' AS nullable
			FROM information_schema.columns WHERE table_schema = 'public'`
	}
	var rows []struct {
		Table, Column, Type string
		Nullable            bool
	}
	if err := db.sql.Select(&rows, query); err != nil {
		t.Fatal(err)
	}
	logical := map[string]string{
		"timestamp with time zone": "timestamp", "bytea": "blob", "json": "text",
		"bigint": "integer", // SQLite's integers are as wide.
	}
	found := make(map[string]map[string]string)
	for _, row := range rows {
		if row.Table == "goose_db_version" {
			continue
		}
		if found[row.Table] == nil {
			found[row.Table] = make(map[string]string)
		}
		kind := strings.ToLower(row.Type)
		if known, ok := logical[kind]; ok {
			kind = known
		}
		if row.Nullable {
			kind += " or null"
		}
		found[row.Table][row.Column] = kind
	}
	return found
}

// TestMigrationTimeout: a migration may take longer than a statement of everyday.
func TestMigrationTimeout(t *testing.T) {
	db := open(t, sharedPostgres.NewDatabase(t))
	for patience, want := range map[time.Duration]string{statementTimeout: "5s", migrationTimeout: "5min"} {
		pool, err := connect(db.dialect, patience, 1)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := pool.Get(&got, "SHOW statement_timeout"); err != nil || got != want {
			t.Errorf("a statement may take %s (%v), and should %s", got, err, want)
		}
		pool.Close()
	}
}

// TestMigrateToUsage holds that clients from before usage was kept are listed by use, by place and by when their secret
// expires.
func TestMigrateToUsage(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := open(t, newURL(t))
		err := db.withGoose(func(provider *goose.Provider) error {
			_, err := provider.UpTo(t.Context(), 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		at := moment{now()}
		db.sql.MustExec(`INSERT INTO tenants (id, level, org_id, name, status, version, created_at, updated_at)
			VALUES ('org_one', 'org', 'org_one', 'One', 'active', 1, $1, $1)`, at)
		db.sql.MustExec(`INSERT INTO apis (key, name, description, audience, level, choice, permissions, grantable_by,
				token_lifetime, status, version, created_at, updated_at)
			VALUES ('roles', '', '', '', 'org', 'many', '[]', '[]', 1, 'active', 1, $1, $1)`, at)
		for id, grants := range map[string]string{
			"cid_org":   `[{"api":"roles","permissions":["read"],"applies_to":{"org":true}}]`,
			"cid_other": `[{"api":"roles","permissions":["read"],"applies_to":{"accounts":["acc_one"]}}]`,
			"cid_none":  `null`,
		} {
			db.sql.MustExec(`INSERT INTO clients (id, org_id, name, note, owner, status, auth_method, grants, token_lifetime,
					allowed_cidrs, created_at, created_by, updated_at, updated_by, version)
				VALUES ($1, 'org_one', $1, '', '', 'active', 'client_secret', $2, 0, '[]', $3, '', $3, '', 1)`, id, grants, at)
		}
		db.sql.MustExec(`INSERT INTO secrets (id, client_id, hash, hint, created_at, created_by, expires_at)
			VALUES ('sec_other', 'cid_other', $1, '', $2, '', $3)`, make([]byte, 32), at, moment{at.Add(time.Hour)})
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for want, query := range map[string]admin.ClientQuery{
			"cid_none cid_org cid_other ": {Sort: admin.ByUsed},
			"cid_other ":                  {Sort: admin.ByName, SecretExpiresWithin: 2 * time.Hour, Now: at.Time},
			"cid_org ":                    {Sort: admin.ByName, Places: []string{"org_one"}},
		} {
			query.Limit = 10
			rows, err := db.Clients(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, row := range rows {
				got += row.ID + " "
			}
			if got != want {
				t.Errorf("listed are %q, want %q", got, want)
			}
		}
	})
}

// TestMigrateWithoutTrigrams: whoever may not create extensions searches all the same.
func TestMigrateWithoutTrigrams(t *testing.T) {
	address := sharedPostgres.NewDatabase(t)
	owner := open(t, address)
	role := "role_" + strings.ToLower(rand.Text())
	owner.sql.MustExec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'pass'`)
	t.Cleanup(func() {
		owner.sql.ExecContext(context.Background(), `DROP OWNED BY `+role)
		owner.sql.ExecContext(context.Background(), `DROP ROLE `+role)
	})
	owner.sql.MustExec(`GRANT USAGE, CREATE ON SCHEMA public TO ` + role)
	theirs, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	theirs.User = url.UserPassword(role, "pass")
	db := migrated(t, theirs.String())
	var extensions int
	if err := db.sql.Get(&extensions, `SELECT COUNT(*) FROM pg_extension WHERE extname = 'pg_trgm'`); err != nil || extensions != 0 {
		t.Fatalf("%d extensions, %v", extensions, err)
	}
	client, _ := planted(t, db)
	rows, err := db.Clients(t.Context(), admin.ClientQuery{Search: "OBO", Sort: admin.ByName, Limit: 1})
	if err != nil || len(rows) != 1 || rows[0].ID != client.ID {
		t.Errorf("a search answered %v, %v", rows, err)
	}
}

// TestClientsOfOlderPrograms: a client that a program from before the status lists makes beside newer replicas gets
// tokens from these, and a place of its own to end them by.
func TestClientsOfOlderPrograms(t *testing.T) {
	db := migrated(t, sharedPostgres.NewDatabase(t))
	known, _ := planted(t, db)
	older := func(id string) {
		t.Helper()
		_, err := db.sql.Exec(`INSERT INTO clients (id, org_id, name, note, owner, status, auth_method, jwks, jwks_uri, grants,
				token_lifetime, allowed_cidrs, created_at, created_by, updated_at, updated_by, version)
			SELECT $1, org_id, $1, note, owner, status, auth_method, jwks, jwks_uri, grants,
				token_lifetime, allowed_cidrs, created_at, created_by, updated_at, updated_by, 1 FROM clients WHERE id = $2`, id, known.ID)
		if err != nil {
			t.Fatal(err)
		}
	}
	f := fresh(t, db, FreshConfig{})
	older("cid_beside")
	places := make(map[oauth.StatusPlace]bool)
	for _, id := range []string{known.ID, "cid_beside"} {
		client, err := f.Client(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		places[client.StatusPlace] = true
	}
	if len(places) != 2 {
		t.Error("two clients have one place")
	}
}
