package storage

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestWritersTakeTurns: whoever waits to write is not overtaken again and again by those who came later, be they of the
// same process or of another.
func TestWritersTakeTurns(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		const writers, rounds = 9, 60
		url := newURL(t)
		db, other := migrated(t, url), open(t, url)
		client, _ := planted(t, db)
		var changes, most atomic.Int64
		var work errgroup.Group
		write := func(replica *DB, rounds int) {
			work.Go(func() error {
				for range rounds {
					before := changes.Load()
					if err := setStatus(t.Context(), replica, client.ID, oauth.StatusActive); err != nil {
						return err
					}
					overtaken := changes.Add(1) - 1 - before
					for seen := most.Load(); overtaken > seen && !most.CompareAndSwap(seen, overtaken); {
						seen = most.Load()
					}
				}
				return nil
			})
		}
		for range writers {
			write(db, rounds)
		}
		write(other, 5)
		if err := work.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := most.Load(); n > writers*rounds/2 {
			t.Errorf("somebody was overtaken by %d of %d changes", n, changes.Load())
		}
	})
}
