package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Keyring is the set of signing keys in memory, with everything made from it once: signers and the JWKS. It is a
// snapshot: it never changes, and a newer one replaces it whole.
type Keyring struct {
	keys    []SigningKey
	signers []*signer // Nil for a key that only verifies.
	public  PublicKeys
	jwks    Document
}

// Document is a text that anybody may read, with its entity tag (RFC 9110 §8.8.3).
type Document struct {
	Body []byte
	Tag  string
}

// NewDocument makes a Document of a text that is not changed afterwards.
func NewDocument(body []byte) Document {
	sum := sha256.Sum256(body)
	return Document{Body: body, Tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// NewKeyring makes a keyring of all keys that are not gone.
func NewKeyring(keys []SigningKey) (*Keyring, error) {
	ring := &Keyring{keys: keys, signers: make([]*signer, len(keys)), public: make(PublicKeys, len(keys))}
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for i := range keys {
		key := &keys[i]
		public := key.public()
		ring.public[key.ID] = public
		set.Keys = append(set.Keys, public)
		if key.Private == nil {
			continue
		}
		var err error
		if ring.signers[i], err = newSigner(key, bearer.TokenType); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", key.ID, err)
		}
	}
	jwks, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("writing the JWKS: %w", err)
	}
	ring.jwks = NewDocument(jwks)
	return ring, nil
}

// JWKS answers the public keys as RFC 7517 §5 writes them. It must not be changed.
func (r *Keyring) JWKS() Document { return r.jwks }

// Key answers a public key by its kid; it makes the keyring a [bearer.KeySource].
func (r *Keyring) Key(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	return r.public.Key(ctx, kid)
}

// Unopened answers the kids of the keys that only verify here.
func (r *Keyring) Unopened() []string {
	var kids []string
	for i, signer := range r.signers {
		if signer == nil {
			kids = append(kids, r.keys[i].ID)
		}
	}
	return kids
}

// Ready reports whether a key can sign at this time.
func (r *Keyring) Ready(now time.Time) bool { return r.active("", now) >= 0 }

// active answers the index of the key that signs: of those that may, one of this algorithm rather than another, and
// then the one that became active last; -1 if there is none.
func (r *Keyring) active(algorithm jose.SignatureAlgorithm, now time.Time) int {
	active := -1
	for i := range r.keys {
		key := &r.keys[i]
		if r.signers[i] == nil || key.State(now) != KeyActive {
			continue
		}
		if active < 0 {
			active = i
			continue
		}
		best := &r.keys[active]
		wanted, had := key.Algorithm == algorithm, best.Algorithm == algorithm
		if wanted && !had || wanted == had && key.ActiveFrom.After(best.ActiveFrom) {
			active = i
		}
	}
	return active
}

// sign writes the claims as a JWT in compact serialization, by a key of the algorithm if one is active yet.
func (r *Keyring) sign(claims *bearer.Claims, algorithm jose.SignatureAlgorithm, now time.Time) (string, error) {
	active := r.active(algorithm, now)
	if active < 0 {
		return "", errNoActiveKey()
	}
	var room [1024]byte
	return signBy(&r.keys[active], r.signers[active], appendClaims(room[:0], claims))
}

// signAs writes claims as a JWT of another type. It is not for what happens often: the header is written anew.
func (r *Keyring) signAs(typ string, claims any, algorithm jose.SignatureAlgorithm, now time.Time) (string, error) {
	active := r.active(algorithm, now)
	if active < 0 {
		return "", errNoActiveKey()
	}
	key := &r.keys[active]
	signer, err := newSigner(key, typ)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("writing the claims: %w", err)
	}
	return signBy(key, signer, payload)
}

// errNoActiveKey is an ErrUnavailable: other servers may have sealed the keys under a master key that this one has not.
func errNoActiveKey() error {
	return fmt.Errorf("%w: no signing key is active that the master key of this server opens", ErrUnavailable)
}

// signBy answers the payload as a JWS in compact serialization.
func signBy(key *SigningKey, signer *signer, payload []byte) (string, error) {
	jws, err := signer.sign(payload)
	if _, external := key.Private.(ExternalSigner); external && err != nil {
		return "", fmt.Errorf("%w: signing with key %s in its security module: %w", ErrUnavailable, key.ID, err)
	}
	if err != nil {
		return "", fmt.Errorf("signing with key %s: %w", key.ID, err)
	}
	return jws, nil
}
