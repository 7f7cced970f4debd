package storage

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchkey-auth/latchkey/storage/storagetest"
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
	post := columns(t, migrated(t, storagetest.Postgres(t).NewDatabase(t)))
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
	db := open(t, storagetest.Postgres(t).NewDatabase(t))
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
