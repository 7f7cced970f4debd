package storage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// signer is an issuer whose checkpoints a test can verify.
func signer(t testing.TB, db *DB) *oauth.Issuer {
	t.Helper()
	addKey(t, db, newKey(t))
	issuer, err := oauth.NewIssuer(oauth.Config{
		URL: "https://issuer.example", Store: fresh(t, db, FreshConfig{}), MaxLifetime: time.Hour, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// notarize signs the head of the chain, and answers the checkpoint.
func notarize(t testing.TB, db *DB, issuer *oauth.Issuer) (signed admin.Checkpoint) {
	t.Helper()
	ended, end := context.WithCancel(t.Context())
	end() // A notary that ends signs the head before.
	admin.Notary{
		Store: db, Issuer: issuer, Now: now,
		Publish: func(checkpoint admin.Checkpoint) { signed = checkpoint },
		Failed:  func(err error) { t.Error(err) },
	}.Run(ended)
	return signed
}

func verify(t testing.TB, db *DB, kept ...admin.Checkpoint) (admin.ChainReport, error) {
	t.Helper()
	keys, err := db.SealedKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return admin.VerifyChain(t.Context(), db, keys, kept)
}

// TestChainFormat computes the chain as another program would, from the package comment alone.
func TestChainFormat(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		told := event("credential.changed", "cid_ä")
		told.At = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
		told.Changes = map[string]admin.Change{"note": {From: []byte(`"<&>"`), To: []byte(`null`)}}
		for range 2 {
			if err := db.AddEvent(t.Context(), told); err != nil {
				t.Fatal(err)
			}
			told.ID = oauth.NewID("evt")
		}
		rows, err := db.sql.Query(`SELECT id, changes, hash FROM events ORDER BY seq`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		hash := make([]byte, 32)
		for seq := 1; rows.Next(); seq++ {
			var id, changes string
			var stored []byte
			if err := rows.Scan(&id, &changes, &stored); err != nil {
				t.Fatal(err)
			}
			text := hash
			for _, field := range []string{
				"latchkey event 1", fmt.Sprint(seq), id, "1767323045678901", "system", "", "", "", "credential.changed", "cid_ä", "", changes,
			} {
				text = append(binary.BigEndian.AppendUint64(text, uint64(len(field))), field...)
			}
			sum := sha256.Sum256(text)
			hash = sum[:]
			if string(stored) != string(hash) {
				t.Fatalf("event %d has the hash %x, and should have %x", seq, stored, hash)
			}
		}
	})
}

// TestTamperedChain does to the trail what somebody with all rights on the database can do.
func TestTamperedChain(t *testing.T) {
	const events, first = 12, 2 // The key's event is the first.
	rehash := `UPDATE events SET hash = (SELECT hash FROM events WHERE seq = 1) WHERE seq = 5`
	type tampering struct {
		statements []string
		again      bool  // All hashes and the head are then computed again.
		blames     int64 // The first bad event.
		kept       bool  // It only shows in a checkpoint that was kept elsewhere.
	}
	tamperings := map[string]tampering{
		"an edit":                   {statements: []string{`UPDATE events SET target = 'another' WHERE seq = 6`}, blames: 6},
		"an edit of what changed":   {statements: []string{`UPDATE events SET changes = '{"x":{"from":null,"to":1}}' WHERE seq = 7`}, blames: 7},
		"an edit of white space":    {statements: []string{`UPDATE events SET changes = ' null' WHERE seq = 7`}, blames: 7},
		"text moved to a neighbour": {statements: []string{`UPDATE events SET actor_id = 'x', address = '' WHERE seq = 3`, `UPDATE events SET actor_id = '', address = 'x' WHERE seq = 4`}, blames: 3},
		"an edit of a hash":         {statements: []string{rehash}, blames: 5},
		"a hash taken away":         {statements: []string{`UPDATE events SET hash = NULL WHERE seq = 4`}, blames: 4},
		"the first hash taken away": {statements: []string{`UPDATE events SET hash = NULL WHERE seq = 1`}, blames: 1},
		"a deletion":                {statements: []string{`DELETE FROM events WHERE seq = 8`}, blames: 8},
		"a deletion of the first":   {statements: []string{`DELETE FROM events WHERE seq = 1`}, blames: 1},
		"a deletion closed up":      {statements: []string{`DELETE FROM events WHERE seq = 11`, `UPDATE events SET seq = 11 WHERE seq = 12`, `UPDATE events SET seq = 12 WHERE seq = 13`}, blames: 11},
		"a truncation":              {statements: []string{`DELETE FROM events WHERE seq > 10`}, blames: 11},
		"a truncation of all":       {statements: []string{`DELETE FROM events`}, blames: 1},
		"a reordering": {statements: []string{
			`UPDATE events SET seq = -5 WHERE seq = 5`, `UPDATE events SET seq = 5 WHERE seq = 9`, `UPDATE events SET seq = 9 WHERE seq = -5`}, blames: 5},
		"an insertion at the end": {statements: []string{
			`INSERT INTO events (seq, id, at, actor_kind, actor_id, address, request_id, action, target, org_id, changes, hash)
				SELECT 99, 'evt_new', at, actor_kind, actor_id, address, request_id, action, target, org_id, changes, hash FROM events WHERE seq = 12`}, blames: 14},
		"an insertion at the beginning": {statements: []string{
			`INSERT INTO events (seq, id, at, actor_kind, actor_id, address, request_id, action, target, org_id, changes)
				SELECT 0, 'evt_new', at, actor_kind, actor_id, address, request_id, action, target, org_id, changes FROM events WHERE seq = 12`}, blames: 0},
		"an insertion in the middle": {statements: []string{
			`UPDATE events SET seq = -seq WHERE seq > 5`, `UPDATE events SET seq = 1 - seq WHERE seq < 0`,
			`INSERT INTO events (seq, id, at, actor_kind, actor_id, address, request_id, action, target, org_id, changes, hash)
				SELECT 6, 'evt_new', at, actor_kind, actor_id, address, request_id, action, target, org_id, changes, hash FROM events WHERE seq = 5`,
			`UPDATE chain_head SET seq = 14`}, blames: 6},
		"another head":                        {statements: []string{`UPDATE chain_head SET hash = (SELECT hash FROM events WHERE seq = 2)`}, blames: 13},
		"a head set back":                     {statements: []string{`UPDATE chain_head SET seq = 12`}, blames: 13},
		"an edit, chained again":              {statements: []string{`UPDATE events SET target = 'another' WHERE seq = 6`}, again: true, blames: first},
		"a truncation, and the head set back": {statements: []string{`DELETE FROM events WHERE seq > 10`}, again: true, blames: 11},
		"a false checkpoint":                  {statements: []string{`UPDATE events SET target = 'another' WHERE seq = 6`, `UPDATE checkpoints SET jws = 'a.b.c'`}, again: true, blames: 1},
		"an edited checkpoint":                {statements: []string{`UPDATE checkpoints SET seq = 12 WHERE seq = 13`}, blames: 12},
		"all chained again, no checkpoints": {statements: []string{
			`UPDATE events SET target = 'another' WHERE seq = 6`, `DELETE FROM checkpoints`}, again: true, blames: 1, kept: true},
		"a truncation without a trace": {statements: []string{`DELETE FROM events WHERE seq > 10`, `DELETE FROM checkpoints`}, again: true, blames: 11, kept: true},
	}
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		for name, tampering := range tamperings {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				db := migrated(t, newURL(t))
				issuer := signer(t, db)
				early := notarize(t, db, issuer)
				for i := range events {
					if err := db.AddEvent(t.Context(), event("test", fmt.Sprint(i))); err != nil {
						t.Fatal(err)
					}
				}
				late := notarize(t, db, issuer)
				report, err := verify(t, db, early, late)
				if err != nil || report.Events != events+1 || report.Head.Sequence != events+1 || report.Checkpoints != 4 {
					t.Fatalf("a good chain is %+v, %v", report, err)
				}
				for _, statement := range tampering.statements {
					db.sql.MustExec(statement)
				}
				if tampering.again {
					chainAgain(t, db)
				}
				var kept []admin.Checkpoint
				if tampering.kept {
					if _, err := verify(t, db); err != nil {
						t.Fatalf("the database alone shows it: %v", err)
					}
					kept = []admin.Checkpoint{late}
				}
				_, err = verify(t, db, kept...)
				var broken *admin.BrokenChainError
				if !errors.As(err, &broken) || broken.Sequence != tampering.blames {
					t.Errorf("verifying answers %v, and should blame event %d", err, tampering.blames)
				}
			})
		}
	})
}

// TestCheckpointsOutliveTheirKeys: an old checkpoint may have lost its key, if a newer one has not. A key that somebody
// puts into the database vouches for nothing, for nobody can seal it.
func TestCheckpointsOutliveTheirKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		old, young, planted := newKey(t), newKey(t), newKey(t)
		addKey(t, db, old)
		issuer, err := oauth.NewIssuer(oauth.Config{
			URL: "https://issuer.example", Store: fresh(t, db, FreshConfig{}), Algorithm: jose.ES256, MaxLifetime: time.Hour, Now: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		replace := func(key oauth.SigningKey) {
			t.Helper()
			err := db.UpdateKeys(t.Context(), func([]oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
				return []oauth.SigningKey{key}, []admin.Event{event("key.created", key.ID)}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		kept := notarize(t, db, issuer)
		replace(young)
		var broken *admin.BrokenChainError
		if _, err := verify(t, db); !errors.As(err, &broken) || broken.Sequence != kept.Sequence {
			t.Errorf("a checkpoint that nothing bears out: %v", err)
		}
		ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
		defer end()
		admin.Notary{
			Store: db, Issuer: issuer, Now: now,
			Publish: func(admin.Checkpoint) {
				if ctx.Err() != nil {
					t.Error("a checkpoint whose key is gone is followed by another in an hour only")
				}
				end()
			},
			Failed: func(err error) { t.Error(err) },
		}.Run(ctx)
		if report, err := verify(t, db, kept); err != nil || report.Checkpoints != 2 {
			t.Errorf("a checkpoint that a newer one bears out: %+v, %v", report, err)
		}

		replace(planted)
		forged := notarize(t, db, issuer)
		db.sql.MustExec(`UPDATE signing_keys SET sealed = $1`, []byte("not under the seal"))
		addKey(t, db, young)
		if _, err := verify(t, db); !errors.As(err, &broken) || broken.Sequence != forged.Sequence {
			t.Errorf("a checkpoint of a planted key: %v", err)
		}
	})
}

// chainAgain covers the traces of a tampering, as far as that goes without a signing key.
func chainAgain(t testing.TB, db *DB) {
	t.Helper()
	var rows []eventRow
	if err := db.sql.Select(&rows, `SELECT `+eventColumns+` FROM events ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	hash := genesis()
	for i := range rows {
		hash = rows[i].link(hash)
		db.sql.MustExec(`UPDATE events SET hash = $1 WHERE seq = $2`, hash, rows[i].Sequence)
		db.sql.MustExec(`UPDATE chain_head SET seq = $1, hash = $2`, rows[i].Sequence, hash)
	}
}

// TestOlderEvents: events from before there was a chain are counted, and the chain begins after them.
func TestOlderEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		signer(t, db)
		for range 3 {
			if err := db.AddEvent(t.Context(), event("test", "new")); err != nil {
				t.Fatal(err)
			}
		}
		// As the migration leaves a database that had four events.
		db.sql.MustExec(`UPDATE events SET hash = NULL`)
		db.sql.MustExec(`UPDATE chain_head SET hash = $1`, genesis())
		if report, err := verify(t, db); err != nil || report.Events != 0 || report.Older != 4 {
			t.Errorf("a chain that has not begun is %+v, %v", report, err)
		}
		if err := db.AddEvent(t.Context(), event("test", "new")); err != nil {
			t.Fatal(err)
		}
		if report, err := verify(t, db); err != nil || report.Events != 1 || report.Older != 4 || report.Head.Sequence != 5 {
			t.Errorf("a chain that has begun is %+v, %v", report, err)
		}
	})
}

// TestChainUnderWriters has changes, refusals and failed changes write at once, and verifies on the way: no gap, no
// deadlock, and the chain is good at every moment.
func TestChainUnderWriters(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		url := newURL(t)
		db, other := migrated(t, url), open(t, url)
		client, _ := planted(t, db)
		signer(t, db)
		const writers, rounds = 8, 15
		var work errgroup.Group
		for i := range writers {
			replica := []*DB{db, other}[i%2]
			work.Go(func() error {
				for range rounds {
					if err := setStatus(t.Context(), replica, client.ID, oauth.StatusActive); err != nil {
						return err
					}
					if err := replica.AddEvent(t.Context(), event("credential.change_refused", client.ID)); err != nil {
						return err
					}
					if err := replica.CreateClient(t.Context(), client, event("credential.created", client.ID)); !errors.Is(err, oauth.ErrConflict) {
						return fmt.Errorf("a second client of one id: %w", err)
					}
				}
				return nil
			})
		}
		work.Go(func() error {
			for range 10 {
				if _, err := verify(t, other); err != nil {
					return err
				}
			}
			return nil
		})
		if err := work.Wait(); err != nil {
			t.Fatal(err)
		}
		report, err := verify(t, db)
		if err != nil || report.Events != report.Head.Sequence || report.Events < 2*writers*rounds {
			t.Errorf("the chain is %+v, %v", report, err)
		}
	})
}
