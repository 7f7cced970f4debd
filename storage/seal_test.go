package storage

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
)

func TestSeal(t *testing.T) {
	key, err := oauth.NewSigningKey(now())
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := newSealer(masterKey())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.seal(key)
	if err != nil {
		t.Fatal(err)
	}
	row := keyRow{ID: key.ID, Sealed: sealed, SealKeyID: sealer.id}
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
		if _, err := sealer.open(&keyRow{ID: key.ID, Sealed: spoilt, SealKeyID: sealer.id}); err == nil {
			t.Fatalf("byte %d was changed, and the key opened", i)
		}
	}
	if _, err := sealer.open(&keyRow{ID: "another", Sealed: sealed, SealKeyID: sealer.id}); err == nil {
		t.Error("a key passes for another")
	}
	if _, err := sealer.open(&keyRow{ID: key.ID, Sealed: nil, SealKeyID: sealer.id}); err == nil {
		t.Error("nothing opens")
	}
}

func TestWrongMasterKey(t *testing.T) {
	url := newFile(t)
	db := migrated(t, url)
	key, err := oauth.NewSigningKey(now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.AddFirstKey(t.Context(), key, event("key.created", key.ID)); err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), Config{URL: url, MasterKey: make([]byte, masterKeyBytes), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = NewFresh(t.Context(), other, FreshConfig{})
	if !errors.Is(err, ErrMasterKey) || !strings.Contains(err.Error(), db.seal.id) || !strings.Contains(err.Error(), other.seal.id) {
		t.Errorf("a wrong master key: %v", err)
	}
}
