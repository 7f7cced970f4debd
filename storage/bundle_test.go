package storage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

type setting struct {
	Key   string `db:"key"`
	Value string `db:"value"`
}

const insertSetting = `INSERT INTO settings (key, value) VALUES (:key, :value)`

// TestBundle: all changes of a bundle are made, or none.
func TestBundle(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		stored := func() (n int) {
			if err := db.sql.Get(&n, `SELECT COUNT(*) FROM settings WHERE key LIKE 'bundle %'`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		send := func(writes *bundle) error {
			tx := db.sql.MustBegin()
			defer tx.Rollback()
			if err := writes.send(t.Context(), tx); err != nil {
				return err
			}
			return tx.Commit()
		}
		rows := func(from, to int) (rows []setting) {
			for i := from; i < to; i++ {
				rows = append(rows, setting{fmt.Sprint("bundle ", i), "?"})
			}
			return rows
		}

		var all bundle
		addRows(&all, insertSetting, rows(0, 2*maxBundleValues))
		all.add(`UPDATE settings SET value = :value WHERE key = 'bootstrapped'`, setting{Value: "it"})
		addRows(&all, insertSetting, rows(0, 0))
		if err := send(&all); err != nil || stored() != 2*maxBundleValues {
			t.Fatalf("%d rows are stored (%v)", stored(), err)
		}

		var twice bundle // As a grant may name a place twice.
		addRows(&twice, insertSetting+` ON CONFLICT DO NOTHING`, slices.Repeat(rows(2*maxBundleValues-10, 2*maxBundleValues+20), 2))
		if err := send(&twice); err != nil || stored() != 2*maxBundleValues+20 {
			t.Fatalf("with rows that come twice, %d are stored (%v)", stored(), err)
		}

		var taken bundle
		addRows(&taken, insertSetting, rows(3*maxBundleValues, 3*maxBundleValues+30))
		addRows(&taken, insertSetting, rows(7, 8))
		if err := send(&taken); err == nil || stored() != 2*maxBundleValues+20 {
			t.Errorf("with a key that is taken, %d rows are stored (%v)", stored(), err)
		}

		var misnamed bundle
		misnamed.add(`UPDATE settings SET value = :valeu`, setting{})
		misnamed.add(insertSetting, setting{"bundle", ""})
		if err := send(&misnamed); err == nil || !strings.Contains(err.Error(), "valeu") {
			t.Errorf("a column that no row has: %v", err)
		}
	})
}

// TestBundleStatements: PostgreSQL is asked as seldom as values allow, and SQLite change by change.
func TestBundleStatements(t *testing.T) {
	for _, test := range []struct {
		together bool
		want     string
	}{
		{false, "0 | 1 | 2 | 3"},
		{true, "WITH change0 AS (0), change1 AS (1) 2 | 3"},
	} {
		var writes bundle
		for i, values := range []int{1, maxBundleValues - 1, 0, 1} {
			writes.changes = append(writes.changes, statement{fmt.Sprint(i), make([]any, values)})
		}
		var texts []string
		for len(writes.changes) > 0 {
			texts = append(texts, writes.next(test.together).text)
		}
		if got := strings.Join(texts, " | "); got != test.want {
			t.Errorf("together %v: %s, want %s", test.together, got, test.want)
		}
	}
}

// TestPreparedBundles: of bundles that come again, those with few values stay prepared.
func TestPreparedBundles(t *testing.T) {
	db := single(t)
	for values, kept := range map[int]int{keptBundleValues: 1, keptBundleValues + 2: 0} {
		before := preparedOn(t, db)
		for range 3 {
			var writes bundle
			addRows(&writes, insertSetting+` ON CONFLICT DO NOTHING`, slices.Repeat([]setting{{"bundle", ""}}, values/2))
			tx := db.sql.MustBegin()
			if err := writes.send(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
			tx.Rollback()
		}
		if got := preparedOn(t, db) - before; got != kept {
			t.Errorf("of bundles with %d values, %d are kept prepared, want %d", values, got, kept)
		}
	}
}
