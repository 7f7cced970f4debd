package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

// TestOutage: while PostgreSQL is away nothing is answered from memory, and when it is back all goes on by itself.
func TestOutage(t *testing.T) {
	cluster := storagetest.Postgres(t)
	db := migrated(t, cluster.NewDatabase(t))
	client, _ := planted(t, db)
	const timeout = time.Second
	f := fresh(t, db, FreshConfig{Timeout: timeout})
	if _, err := f.Client(t.Context(), client.ID); err != nil {
		t.Fatal(err)
	}

	for name, outage := range map[string]struct{ begin, end func(testing.TB) }{
		"crashed": {cluster.Stop, cluster.Start},
		"silent":  {cluster.Pause, cluster.Resume},
	} {
		t.Run(name, func(t *testing.T) {
			outage.begin(t)
			var wait sync.WaitGroup
			for range 20 {
				wait.Go(func() {
					start := time.Now()
					_, err := f.Client(t.Context(), client.ID)
					if !errors.Is(err, oauth.ErrUnavailable) {
						t.Errorf("Client: %v", err)
					}
					if took := time.Since(start); took > 2*timeout {
						t.Errorf("Client took %v", took)
					}
				})
			}
			wait.Go(func() {
				if _, err := f.AccountsOf(t.Context(), []string{"wks"}); !errors.Is(err, oauth.ErrUnavailable) {
					t.Errorf("AccountsOf: %v", err)
				}
			})
			wait.Go(func() {
				start := time.Now()
				err := setStatus(t.Context(), db, client.ID, oauth.StatusActive)
				if !errors.Is(err, oauth.ErrUnavailable) {
					t.Errorf("UpdateClient: %v", err)
				}
				if took := time.Since(start); took > 2*askTimeout {
					t.Errorf("UpdateClient took %v", took)
				}
			})
			wait.Wait()
			outage.end(t)

			deadline := time.Now().Add(20 * time.Second)
			for {
				_, err := f.Client(t.Context(), client.ID)
				if err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("PostgreSQL is back, but: %v", err)
				}
			}
			if err := setStatus(t.Context(), db, client.ID, oauth.StatusActive); err != nil {
				t.Errorf("PostgreSQL is back, but: %v", err)
			}
		})
	}
}

// TestLogTooShort: whoever knows an epoch that the log has forgotten, or that the database has lost, drops all.
func TestLogTooShort(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		for name, spoil := range map[string]string{
			"forgotten":              `DELETE FROM changes WHERE epoch < (SELECT value FROM epoch)`,
			"restored from a backup": `UPDATE epoch SET value = 1`,
		} {
			t.Run(name, func(t *testing.T) {
				db := migrated(t, newURL(t))
				client, _ := planted(t, db)
				f := fresh(t, db, FreshConfig{})
				if _, err := f.Client(t.Context(), client.ID); err != nil {
					t.Fatal(err)
				}
				if err := setStatus(t.Context(), db, client.ID, oauth.StatusInactive); err != nil {
					t.Fatal(err)
				}
				db.sql.MustExec(spoil)
				got, err := f.Client(t.Context(), client.ID)
				if err != nil || got.Status != oauth.StatusInactive {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
	})
}

// TestStrangers: made-up ids do not push clients out.
func TestStrangers(t *testing.T) {
	db := migrated(t, newFile(t))
	client, _ := planted(t, db)
	f := fresh(t, db, FreshConfig{Clients: 1, Timeout: time.Second})
	find := func() error { _, err := f.Client(t.Context(), client.ID); return err }
	if !asks(t, f, find) {
		t.Error("the client was found without a question")
	}
	if err := find(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := f.Client(t.Context(), fmt.Sprintf("cid_%d", i)); !errors.Is(err, oauth.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if asks(t, f, find) {
		t.Error("the client was read again")
	}
	if clients, loading := f.clients.clients.Len(), len(f.clients.loading); clients != 1 || loading != 0 {
		t.Errorf("%d clients are remembered, and %d are read", clients, loading)
	}
}

// asks reports whether the database has to be asked about a client for an answer to the question.
func asks(t *testing.T, f *Fresh, question func() error) bool {
	t.Helper()
	for range cap(f.loads) { // Nobody is let through to the database.
		f.loads <- struct{}{}
	}
	err := question()
	for range cap(f.loads) {
		<-f.loads
	}
	if err != nil && !errors.Is(err, oauth.ErrUnavailable) {
		t.Fatal(err)
	}
	return err != nil
}

// TestRefusedTakesOneQuestion: whoever is refused has had the database asked for one client, whether or not there is
// one, and however often it was asked for.
func TestRefusedTakesOneQuestion(t *testing.T) {
	db := migrated(t, newFile(t))
	client, _ := planted(t, db)
	f := fresh(t, db, FreshConfig{Timeout: 50 * time.Millisecond})
	find := func(id string) func() error {
		return func() error { _, err := f.Client(t.Context(), id); return err }
	}
	refuse := func() error { return f.Refused(t.Context(), client) }
	for range 2 {
		if !asks(t, f, find("cid_nobody")) {
			t.Error("an unknown client is refused without a question")
		}
		if err := find("cid_nobody")(); !errors.Is(err, oauth.ErrNotFound) {
			t.Error(err)
		}
	}
	if !asks(t, f, find(client.ID)) {
		t.Error("a client that is not remembered was found without a question")
	}
	if err := find(client.ID)(); err != nil {
		t.Fatal(err)
	}
	if asks(t, f, refuse) {
		t.Error("a client that was just read is refused with a second question")
	}
	for range 2 {
		if asks(t, f, find(client.ID)) || !asks(t, f, refuse) {
			t.Error("a remembered client is refused without a question")
		}
		if err := refuse(); err != nil {
			t.Error(err)
		}
	}
}

// TestSharedProofs: those who ask while a proof is under way share the next one.
func TestSharedProofs(t *testing.T) {
	f := &Fresh{timeout: time.Minute, proving: true}
	one, two := f.join(), f.join()
	if one != two {
		t.Error("two who wait do not share")
	}
	if f.take() != one {
		t.Error("the batch is not the one that gathered")
	}
	if f.join() == one {
		t.Error("a newcomer joined a proof that may have read the epoch already")
	}
}

// TestDroppedWhileRead: what is read of a client before it changes is not remembered after.
func TestDroppedWhileRead(t *testing.T) {
	for _, change := range []news{{clients: []string{"cid"}}, {everything: true}} {
		cache := newClientCache(1)
		_, reading, isNew := cache.find("cid")
		if _, again, isNewAgain := cache.find("cid"); !isNew || isNewAgain || again != reading {
			t.Error("two who ask for a client do not share")
		}
		cache.drop(change)
		cache.settle("cid", reading, &oauth.Client{ID: "cid"}, nil)
		if _, _, isNew := cache.find("cid"); !isNew {
			t.Error("the client is remembered as it was before the change")
		}
	}
}

// TestWaitersKeepTheirOwnTime: a proof that hangs holds nobody up for longer than they want.
func TestWaitersKeepTheirOwnTime(t *testing.T) {
	f := &Fresh{timeout: 50 * time.Millisecond, proving: true}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := f.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("the caller's time was over first: %v", err)
	}
	if err := f.Refresh(t.Context()); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("the proof's time was over: %v", err)
	}
	select {
	case <-f.join().done:
		t.Error("a newcomer is answered what those before were, who had waited for too long")
	default:
	}
}

// TestPoolExhausted: administrators who hold every connection do not keep a token waiting.
func TestPoolExhausted(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		client, _ := planted(t, db)
		f := fresh(t, db, FreshConfig{})
		for range defaultMaxConns {
			conn, err := db.sql.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if _, err := f.Client(t.Context(), client.ID); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := db.Client(ctx, client.ID); !errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("no connection was free: %v", err)
		}
	})
}

func BenchmarkFreshClient(b *testing.B) {
	run := func(b *testing.B, url string) {
		db := migrated(b, url)
		client, _ := planted(b, db)
		f := fresh(b, db, FreshConfig{})
		b.Run("alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Client(b.Context(), client.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("together", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := f.Client(b.Context(), client.ID); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	b.Run("SQLite", func(b *testing.B) { run(b, newFile(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { run(b, sharedPostgres.NewDatabase(b)) })
}

// BenchmarkEpochs reads the epoch on PostgreSQL as 1, 4 or 16 busy replicas do together, each one read at a time: the
// most that any load makes them ask. It reports what the database answers in all, and what one waits.
func BenchmarkEpochs(b *testing.B) {
	db := migrated(b, sharedPostgres.NewDatabase(b))
	planted(b, db)
	for _, replicas := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(replicas), func(b *testing.B) {
			all := make([]*Fresh, replicas)
			for i := range all {
				all[i] = fresh(b, db, FreshConfig{Conns: 2})
			}
			var running sync.WaitGroup
			b.ResetTimer()
			for _, f := range all {
				running.Go(func() {
					for range b.N {
						if _, err := f.readEpoch(b.Context()); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			running.Wait()
			b.ReportMetric(float64(replicas*b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}
