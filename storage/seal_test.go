package storage

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func TestSeal(t *testing.T) {
	key := newKey(t)
	sealer, err := newSealer(masterKey())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.seal(key)
	if err != nil {
		t.Fatal(err)
	}
	row := keyRow{ID: key.ID, Sealed: sealed, SealKeyID: sealer.id()}
	opened, err := sealer.open(&row)
	if err != nil || !opened.(*ecdsa.PrivateKey).Equal(key.Private) {
		t.Fatalf("the key came back as another: %v", err)
	}

	again, err := sealer.seal(key)
	if err != nil || bytes.Equal(sealed, again) {
		t.Errorf("sealing twice gives the same (%v)", err)
	}
	for i := range sealed {
		spoilt := bytes.Clone(sealed)
		spoilt[i] ^= 1
		if _, err := sealer.open(&keyRow{ID: key.ID, Sealed: spoilt, SealKeyID: sealer.id()}); err == nil {
			t.Fatalf("byte %d was changed, and the key opened", i)
		}
	}
	if _, err := sealer.open(&keyRow{ID: "another", Sealed: sealed, SealKeyID: sealer.id()}); err == nil {
		t.Error("a key passes for another")
	}
	if _, err := sealer.open(&keyRow{ID: key.ID, Sealed: nil, SealKeyID: sealer.id()}); err == nil {
		t.Error("nothing opens")
	}
}

func TestWrongMasterKey(t *testing.T) {
	url := newFile(t)
	db := migrated(t, url)
	addKey(t, db, newKey(t))
	other, err := Open(t.Context(), Config{URL: url, MasterKey: make([]byte, masterKeyBytes), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = NewFresh(t.Context(), other, FreshConfig{})
	if !errors.Is(err, ErrMasterKey) || !strings.Contains(err.Error(), db.seal.id()) || !strings.Contains(err.Error(), other.seal.id()) {
		t.Errorf("a wrong master key: %v", err)
	}
}

// TestResealSecondFactors changes the master key under what an operator signs in with.
func TestResealSecondFactors(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		url := newURL(t)
		oldKey, newMasterKey := masterKey(), bytes.Repeat([]byte{9}, masterKeyBytes)
		operator := &admin.Operator{
			ID: oauth.NewID("opr"), Email: "ada@example.com", Name: "Ada", Roles: []admin.Role{admin.RoleAdmin}, Status: oauth.StatusActive,
			SecondFactor: &admin.SecondFactor{Key: "JBSWY3DPEHPK3PXP", Step: 1}, CreatedAt: now(), UpdatedAt: now(), Version: 1,
		}
		if err := migrated(t, url).CreateOperator(t.Context(), operator, event("operator.created", operator.ID)); err != nil {
			t.Fatal(err)
		}
		open := func(keys ...[]byte) *DB {
			t.Helper()
			db, err := Open(t.Context(), Config{URL: url, MasterKey: keys[0], PreviousMasterKeys: keys[1:], Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			return db
		}
		if _, err := open(newMasterKey).Operator(t.Context(), operator.ID); !errors.Is(err, ErrMasterKey) {
			t.Errorf("with the new one alone, before: %v", err)
		}
		both := open(newMasterKey, oldKey)
		for i, want := range []int{1, 0} {
			if n, err := both.Reseal(t.Context(), event("keys.resealed", "keys")); err != nil || n != want {
				t.Errorf("resealing for the %d. time: %d, %v", i+1, n, err)
			}
		}
		got, err := open(newMasterKey).Operator(t.Context(), operator.ID)
		if err != nil || got.SecondFactor.Key != operator.SecondFactor.Key {
			t.Errorf("with the new one alone, after: %+v, %v", got, err)
		}
	})
}

// TestReseal changes the master key as an operator would: every server gets both, the keys are sealed anew, and then
// the old one is thrown away.
func TestReseal(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		url := newURL(t)
		oldKey, newMasterKey := masterKey(), bytes.Repeat([]byte{9}, masterKeyBytes)
		old := migrated(t, url)
		key := newKey(t)
		addKey(t, old, key)

		opens := func(config Config) error {
			t.Helper()
			config.URL, config.Now = url, now
			db, err := Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			fresh, err := NewFresh(t.Context(), db, FreshConfig{})
			if err != nil {
				return err
			}
			defer fresh.Close()
			if !fresh.Keyring().Ready(now()) {
				t.Error("opened, and no key signs")
			}
			return nil
		}
		both := Config{MasterKey: newMasterKey, PreviousMasterKeys: [][]byte{oldKey}}
		if err := opens(both); err != nil {
			t.Errorf("with both, before: %v", err)
		}
		if err := opens(Config{MasterKey: newMasterKey}); !errors.Is(err, ErrMasterKey) {
			t.Errorf("with the new one alone, before: %v", err)
		}

		both.URL, both.Now = url, now
		db, err := Open(t.Context(), both)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for i, want := range []int{1, 0} {
			if n, err := db.Reseal(t.Context(), event("keys.resealed", "keys")); err != nil || n != want {
				t.Errorf("resealing for the %d. time: %d, %v", i+1, n, err)
			}
		}
		if err := opens(Config{MasterKey: newMasterKey}); err != nil {
			t.Errorf("with the new one alone, after: %v", err)
		}
		if err := opens(Config{MasterKey: oldKey}); !errors.Is(err, ErrMasterKey) {
			t.Errorf("with the old one alone, after: %v", err)
		}

		// One that cannot be opened here does not keep the others from signing, and is published.
		second := newKey(t)
		addKey(t, old, second)
		fresh, err := NewFresh(t.Context(), old, FreshConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		if kids := fresh.Keyring().Unopened(); len(kids) != 1 || kids[0] != key.ID || !fresh.Keyring().Ready(now()) {
			t.Errorf("unopened: %v", kids)
		}
		if _, err := fresh.Keyring().Key(t.Context(), key.ID); err != nil {
			t.Errorf("what cannot be opened is not published: %v", err)
		}
	})
}

func newKey(t testing.TB) oauth.SigningKey {
	t.Helper()
	key, err := oauth.NewSigningKey(oauth.LocalKeys{}, jose.ES256, now(), now())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func addKey(t testing.TB, db *DB, key oauth.SigningKey) {
	t.Helper()
	err := db.UpdateKeys(t.Context(), func(keys []oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error) {
		return append(keys, key), []admin.Event{event("key.created", key.ID)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
