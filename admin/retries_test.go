package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/storage"
)

const someKey = "wN3vQ8xT1mR6kZ4p"

// retries makes a Retries on a database of its own, and a hand on its clock.
func newRetries(t *testing.T) (retries admin.Retries, clock *time.Time, file string) {
	t.Helper()
	clock, file = new(time.Time), filepath.Join(t.TempDir(), "latchkey.db")
	*clock = now()
	db, err := storage.Open(t.Context(), storage.Config{URL: "sqlite:" + file, MasterKey: make([]byte, 32), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return admin.Retries{Store: db, Now: func() time.Time { return *clock }}, clock, file
}

func TestRetries(t *testing.T) {
	retries, clock, file := newRetries(t)
	ctx := t.Context()
	alice, bob := admin.Actor{Kind: admin.ActorClient, ID: "alice"}, admin.Actor{Kind: admin.ActorClient, ID: "bob"}
	request, secret := []byte("POST /admin/v1/credentials\n{}"), []byte("lks_very_secret")
	begin := func(actor admin.Actor, key string, request []byte) *admin.Attempt {
		t.Helper()
		attempt, answer, err := retries.Begin(ctx, actor, key, request)
		if err != nil || attempt == nil || answer != nil {
			t.Fatalf("the request was answered %q, %v", answer, err)
		}
		return attempt
	}
	refused := func(want error, request []byte) {
		t.Helper()
		if _, _, err := retries.Begin(ctx, alice, someKey, request); !errors.Is(err, want) {
			t.Errorf("answered %v, want %v", err, want)
		}
	}

	attempt := begin(alice, someKey, request)
	refused(admin.ErrStillRunning, request)
	refused(admin.ErrKeyReused, []byte("other"))
	if err := attempt.Keep(ctx, secret); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, answer, err := retries.Begin(ctx, alice, someKey, request); !bytes.Equal(answer, secret) || err != nil {
			t.Errorf("repeated, it is answered %q, %v", answer, err)
		}
	}
	refused(admin.ErrKeyReused, []byte("other"))
	begin(bob, someKey, request) // The same key of another actor is another.

	// Neither the answer nor the key is in the database.
	for _, name := range []string{file, file + "-wal"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, hidden := range [][]byte{secret, []byte(someKey), request} {
			if bytes.Contains(text, hidden) {
				t.Errorf("%s holds %q", filepath.Base(name), hidden)
			}
		}
	}

	*clock = clock.Add(10 * time.Minute)
	attempt = begin(alice, someKey, []byte("other"))
	if err := attempt.GiveUp(ctx); err != nil {
		t.Fatal(err)
	}
	lost := begin(alice, someKey, request) // Given up, it may be tried again at once,
	*clock = clock.Add(2 * time.Minute)
	heir := begin(alice, someKey, request) // and by another if nobody ends it.
	if err := lost.Keep(ctx, []byte("late")); err == nil {
		t.Error("a claim that was lost kept an answer")
	}
	if err := lost.GiveUp(ctx); err != nil {
		t.Fatal(err)
	}
	refused(admin.ErrStillRunning, request)
	if err := heir.Keep(ctx, secret); err != nil {
		t.Fatal(err)
	}
}

// TestRetriesAtOnce: of many who send the same request at once, one does it.
func TestRetriesAtOnce(t *testing.T) {
	retries, _, _ := newRetries(t)
	actor := admin.Actor{Kind: admin.ActorClient, ID: "alice"}
	for round := range 5 {
		var wait sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 50 {
			wait.Go(func() {
				attempt, answer, err := retries.Begin(t.Context(), actor, fmt.Sprint(someKey, round), nil)
				switch {
				case attempt != nil:
					mu.Lock()
					done++
					mu.Unlock()
					if err := attempt.Keep(t.Context(), []byte("done")); err != nil {
						t.Error(err)
					}
				case err == nil && string(answer) != "done", err != nil && !errors.Is(err, admin.ErrStillRunning):
					t.Errorf("answered %q, %v", answer, err)
				}
			})
		}
		wait.Wait()
		if done != 1 {
			t.Errorf("it was done %d times", done)
		}
	}
}
