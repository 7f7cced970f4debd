package storagetest

import (
	"crypto"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func (f *fixture) key(t testing.TB, algorithm jose.SignatureAlgorithm) oauth.SigningKey {
	t.Helper()
	key, err := oauth.NewSigningKey(oauth.LocalKeys{RSABits: 2048}, algorithm, f.start, f.start)
	must(t, err)
	return key
}

func (f *fixture) addKey(t testing.TB, key oauth.SigningKey) {
	t.Helper()
	must(t, f.Admin.UpdateKeys(t.Context(), func(keys []oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
		return append(keys, key), []admin.Event{f.event("key.created", key.ID)}, nil
	}))
}

func testKeys(t *testing.T, f *fixture) {
	want := make([]oauth.SigningKey, len(oauth.SigningAlgorithms))
	for i, algorithm := range oauth.SigningAlgorithms {
		want[i] = f.key(t, algorithm)
		want[i].CreatedAt = f.start.Add(time.Duration(i) * time.Microsecond)
		want[i].RetiredFrom, want[i].GoneFrom = f.start.Add(time.Hour), f.start.Add(2*time.Hour)
		f.addKey(t, want[i])
		want[i].Private = nil
	}
	keys, err := f.Admin.SigningKeys(t.Context())
	must(t, err)
	same(t, "the keys", keys, want)

	// A refusal, and a change without events, leave everything as it is.
	before := f.events(t)
	refusal := errors.New("refused")
	err = f.Admin.UpdateKeys(t.Context(), func([]oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
		return nil, nil, refusal
	})
	if err != refusal {
		t.Errorf("a refusal came as %v", err)
	}
	must(t, f.Admin.UpdateKeys(t.Context(), func([]oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
		return nil, nil, nil
	}))
	keys, err = f.Admin.SigningKeys(t.Context())
	must(t, err)
	same(t, "the keys after nothing", keys, want)
	if f.events(t) != before {
		t.Error("nothing has left an event")
	}

	// Times change, and what is missing is gone.
	want = want[1:]
	want[0].ActiveFrom = f.start.Add(time.Minute)
	want[0].RetiredFrom, want[0].GoneFrom = time.Time{}, time.Time{}
	must(t, f.Admin.UpdateKeys(t.Context(), func([]oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
		return want, []admin.Event{f.event("key.removed", "a"), f.event("key.rescheduled", "b")}, nil
	}))
	keys, err = f.Admin.SigningKeys(t.Context())
	must(t, err)
	same(t, "the changed keys", keys, want)
	if f.events(t) != before+2 {
		t.Error("not both events are there")
	}
}

// keeper answers one who looks after of the keys at a time that can be moved.
func (f *fixture) keeper(now *time.Time) admin.Keys {
	return admin.Keys{
		Store: f.Admin,
		Rotation: oauth.Rotation{
			Algorithms: []jose.SignatureAlgorithm{jose.ES256},
			Period:     24 * time.Hour, Lead: time.Minute, Tail: time.Hour,
		},
		Maker: oauth.LocalKeys{RSABits: 2048},
		Now:   func() time.Time { return *now },
	}
}

// testKeysAtOnce has eight replicas make the first keys, and then rotate them, at the same time.
func testKeysAtOnce(t *testing.T, f *fixture) {
	now := f.start
	keeper := f.keeper(&now)
	atOnce(t, 8, func(int) (bool, error) { return true, keeper.Tend(t.Context()) })
	keys, err := f.Admin.SigningKeys(t.Context())
	must(t, err)
	if len(keys) != 2 || f.events(t) != 2 {
		t.Fatalf("%d keys and %d events after the first start", len(keys), f.events(t))
	}

	now = now.Add(time.Hour)
	rotated := atOnce(t, 8, func(int) (bool, error) {
		_, err := keeper.Rotate(t.Context(), admin.System("test"))
		if errors.Is(err, oauth.ErrRotationRunning) {
			return false, nil
		}
		return err == nil, err
	})
	keys, err = f.Admin.SigningKeys(t.Context())
	must(t, err)
	if rotated != 1 || len(keys) != 3 {
		t.Errorf("of eight rotations at once %d were made, and there are %d keys", rotated, len(keys))
	}
}

func testFreshKeys(t *testing.T, f *fixture) {
	replicas := []oauth.Store{f.Replica(t), f.Replica(t)}
	for _, replica := range replicas {
		must(t, replica.Refresh(t.Context()))
		if replica.Keyring().Ready(f.start) {
			t.Error("there is a key before the first")
		}
	}
	key := f.key(t, jose.ES256)
	f.addKey(t, key)
	for _, replica := range append(replicas, f.Replica(t)) {
		must(t, replica.Refresh(t.Context()))
		if !replica.Keyring().Ready(f.start) {
			t.Error("the key is not known")
		}
		public, err := replica.Keyring().Key(t.Context(), key.ID)
		must(t, err)
		if !public.IsPublic() {
			t.Error("the keyring shows a private key")
		}
		if !public.Key.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public) {
			t.Error("the keyring shows another key")
		}
	}

	must(t, f.Admin.UpdateKeys(t.Context(), func([]oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
		return nil, []admin.Event{f.event("key.revoked", key.ID)}, nil
	}))
	for _, replica := range replicas {
		must(t, replica.Refresh(t.Context()))
		if _, err := replica.Keyring().Key(t.Context(), key.ID); err == nil || replica.Keyring().Ready(f.start) {
			t.Error("a revoked key is still known")
		}
	}
}
