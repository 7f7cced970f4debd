package storage

import (
	"context"
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
)

// single answers a database of which the pool has one connection, so that it is known which one is asked.
func single(t *testing.T) *DB {
	t.Helper()
	db := migrated(t, sharedPostgres.NewDatabase(t))
	db.sql.SetMaxOpenConns(1)
	return db
}

// preparedOn answers how many statements the connection keeps.
func preparedOn(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.sql.Get(&n, `SELECT COUNT(*) FROM pg_prepared_statements`); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPreparedChanges: what a change asks stays prepared, without another connection, and lists do not.
func TestPreparedChanges(t *testing.T) {
	db := single(t)
	client, _ := planted(t, db)
	turn := func() int {
		for _, status := range []oauth.Status{oauth.StatusInactive, oauth.StatusActive} {
			if err := setStatus(t.Context(), db, client.ID, status); err != nil {
				t.Fatal(err)
			}
		}
		return preparedOn(t, db)
	}
	turn() // What comes for the first time may not come again.
	once := turn()
	if again := turn(); once == 0 || again != once {
		t.Errorf("%d statements are prepared, and after the same once more %d", once, again)
	}
	if _, err := db.Tenant(t.Context(), "org_one"); err != nil {
		t.Fatal(err)
	}
	if after := preparedOn(t, db); after != once {
		t.Errorf("%d statements are prepared after another that does not recur, and %d before", after, once)
	}
}

// TestPreparedBounds: a connection keeps so many statements, and none that has failed.
func TestPreparedBounds(t *testing.T) {
	db := single(t)
	ctx := recurring(t.Context(), true)
	for i := range 2 * maxPrepared {
		for range 2 {
			var n int
			if err := db.sql.GetContext(ctx, &n, fmt.Sprintf(`SELECT %d + $1::INTEGER`, i), 1); err != nil || n != i+1 {
				t.Fatalf("%d, %v", n, err)
			}
		}
	}
	if n := preparedOn(t, db); n != maxPrepared {
		t.Errorf("%d statements are kept, want %d", n, maxPrepared)
	}

	read := func(ctx context.Context) error {
		var text string
		return db.sql.GetContext(ctx, &text, `SELECT x FROM changing WHERE x <> $1`, "")
	}
	db.sql.MustExec(`CREATE TABLE changing (x TEXT)`)
	db.sql.MustExec(`INSERT INTO changing (x) VALUES ('a')`)
	for range 2 {
		if err := read(ctx); err != nil {
			t.Fatal(err)
		}
	}
	db.sql.MustExec(`ALTER TABLE changing ALTER COLUMN x TYPE VARCHAR(7)`)
	if err := read(ctx); err == nil {
		t.Error("a statement has survived a change of what it answers")
	}
	if err := read(ctx); err != nil {
		t.Errorf("it was not prepared anew: %v", err)
	}
}
