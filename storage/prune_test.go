package storage

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestPrune: what nobody needs is forgotten, some at a time, and the present epoch is never lost.
func TestPrune(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		client, _ := planted(t, db)
		db.sql.MustExec(`UPDATE epoch SET value = $1`, 2*logReach)
		if err := setStatus(t.Context(), db, client.ID, oauth.StatusInactive); err != nil {
			t.Fatal(err)
		}
		read := func(query string) (numbers []int64) {
			t.Helper()
			if err := db.sql.Select(&numbers, query); err != nil {
				t.Fatal(err)
			}
			return numbers
		}
		present := read(`SELECT value FROM epoch`)
		slot := read(`SELECT slot FROM retired_slots`)
		db.sql.MustExec(`INSERT INTO retired_slots (slot, client_id, status, until) VALUES (1000, $1, 1, $2), (1001, $1, 1, $2)`,
			client.ID, moment{now().Add(-time.Minute)})

		rounds := 0
		for more := true; more; rounds++ {
			var err error
			if more, err = db.Prune(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if rounds < 3 {
			t.Errorf("it took %d rounds to forget two slots, one at a time", rounds)
		}
		if got := read(`SELECT epoch FROM changes`); !slices.Equal(got, present) {
			t.Errorf("the log holds %v, want %v", got, present)
		}
		if got := read(`SELECT slot FROM retired_slots`); len(got) != 1 || !slices.Equal(got, slot) {
			t.Errorf("retired are %v, want %v", got, slot)
		}
	})
}
