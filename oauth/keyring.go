package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Keyring is the set of signing keys in memory, with everything made from it once: signers and the JWKS. It is a
// snapshot: it never changes, and a newer one replaces it whole.
type Keyring struct {
	keys    []SigningKey
	signers []jose.Signer
	public  map[string]jose.JSONWebKey
	jwks    []byte
}

// NewKeyring makes a keyring of all keys that are not gone.
func NewKeyring(keys []SigningKey) (*Keyring, error) {
	ring := &Keyring{keys: keys, public: make(map[string]jose.JSONWebKey, len(keys))}
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for i := range keys {
		key := &keys[i]
		signer, err := jose.NewSigner(
			jose.SigningKey{Algorithm: key.Algorithm, Key: jose.JSONWebKey{Key: key.Private, KeyID: key.ID}},
			(&jose.SignerOptions{}).WithType(bearer.TokenType))
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", key.ID, err)
		}
		public := key.public()
		ring.signers = append(ring.signers, signer)
		ring.public[key.ID] = public
		set.Keys = append(set.Keys, public)
	}
	var err error
	if ring.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("writing the JWKS: %w", err)
	}
	return ring, nil
}

// JWKS answers the public keys as RFC 7517 §5 writes them. It must not be changed.
func (r *Keyring) JWKS() []byte { return r.jwks }

// Key answers a public key by its kid; it makes the keyring a [bearer.KeySource].
func (r *Keyring) Key(_ context.Context, kid string) (jose.JSONWebKey, error) {
	if key, known := r.public[kid]; known {
		return key, nil
	}
	return jose.JSONWebKey{}, bearer.ErrUnknownKey
}

// Ready reports whether a key can sign at this time.
func (r *Keyring) Ready(now time.Time) bool { return r.active(now) >= 0 }

// active answers the index of the key that signs: of those that may, the one that became active last; -1 if none.
func (r *Keyring) active(now time.Time) int {
	active := -1
	for i := range r.keys {
		if r.keys[i].signsAt(now) && (active < 0 || r.keys[i].ActiveFrom.After(r.keys[active].ActiveFrom)) {
			active = i
		}
	}
	return active
}

// sign writes the claims as a JWT in compact serialization. It marshals one struct and signs the bytes, which
// costs a third less than go-jose's jwt builder and its way through a map.
func (r *Keyring) sign(claims *bearer.Claims, now time.Time) (string, error) {
	active := r.active(now)
	if active < 0 {
		return "", errors.New("no signing key is active")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("writing the claims: %w", err)
	}
	jws, err := r.signers[active].Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing with key %s: %w", r.keys[active].ID, err)
	}
	return jws.CompactSerialize()
}
