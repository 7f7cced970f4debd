package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// maxAttestationBytes bounds an attestation before anything parses it.
const maxAttestationBytes = 16 << 10

// Attest signs a statement of the issuer's own, such as a checkpoint of the audit trail, as a compact JWS. Its typ
// keeps it from being taken for a token, or for a statement of another kind (RFC 8725 §3.11).
func (i *Issuer) Attest(ctx context.Context, typ string, statement any) (string, error) {
	if err := i.store.Refresh(ctx); err != nil {
		return "", fmt.Errorf("signing a %s: %w", typ, err)
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		return "", fmt.Errorf("signing a %s: %w", typ, err)
	}
	return i.store.Keyring().attest(typ, payload, i.algorithm, i.now())
}

// StandsBy reports whether whoever has the issuer's keys of today still believes a statement that Attest signed. The keys
// of old ones are gone.
func (i *Issuer) StandsBy(ctx context.Context, typ, jws string) (bool, error) {
	if err := i.store.Refresh(ctx); err != nil {
		return false, fmt.Errorf("reading a %s: %w", typ, err)
	}
	_, err := OpenAttestation(ctx, jws, typ, i.store.Keyring())
	return err == nil, nil
}

func (r *Keyring) attest(typ string, payload []byte, algorithm jose.SignatureAlgorithm, now time.Time) (string, error) {
	active := r.active(algorithm, now)
	if active < 0 {
		return "", errNoActiveKey()
	}
	key := &r.keys[active]
	signer, err := newSigner(key, typ)
	if err != nil {
		return "", fmt.Errorf("signing key %s: %w", key.ID, err)
	}
	return signBy(key, signer, payload)
}

// OpenAttestation answers the statement of an attestation, if it is of this type and signed by one of the keys. A
// refusal wraps bearer.ErrInvalidToken and, where the key is unknown, bearer.ErrUnknownKey.
func OpenAttestation(ctx context.Context, text, typ string, keys bearer.KeySource) ([]byte, error) {
	refuse := func(reason string) error { return fmt.Errorf("%w: %s", bearer.ErrInvalidToken, reason) }
	if len(text) > maxAttestationBytes {
		return nil, refuse("too long")
	}
	jws, err := jose.ParseSignedCompact(strings.TrimSpace(text), SigningAlgorithms)
	if err != nil {
		return nil, refuse("not a compact JWS")
	}
	header := jws.Signatures[0].Protected
	if said, _ := header.ExtraHeaders[jose.HeaderType].(string); said != typ {
		return nil, refuse("not a " + typ)
	}
	key, err := keys.Key(ctx, header.KeyID)
	switch {
	case errors.Is(err, bearer.ErrUnknownKey):
		return nil, fmt.Errorf("%w: %w: %s", bearer.ErrInvalidToken, err, header.KeyID)
	case err != nil:
		return nil, fmt.Errorf("finding the issuer's key: %w", err)
	case key.Algorithm != header.Algorithm:
		return nil, refuse("wrong algorithm for its key")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return nil, refuse("bad signature")
	}
	return payload, nil
}

// PublicKeys are public keys by their kid.
type PublicKeys map[string]jose.JSONWebKey

// Key implements bearer.KeySource.
func (k PublicKeys) Key(_ context.Context, kid string) (jose.JSONWebKey, error) {
	if key, known := k[kid]; known {
		return key, nil
	}
	return jose.JSONWebKey{}, bearer.ErrUnknownKey
}

// NewPublicKeys answers the public halves of the keys.
func NewPublicKeys(keys []SigningKey) PublicKeys {
	public := make(PublicKeys, len(keys))
	for i := range keys {
		public[keys[i].ID] = keys[i].public()
	}
	return public
}

// ParseJWKS reads public keys as an issuer publishes them (RFC 7517 §5).
func ParseJWKS(text []byte) (PublicKeys, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("reading a JWKS: %w", err)
	}
	keys := make(PublicKeys, len(set.Keys))
	for _, key := range set.Keys {
		if !key.Valid() || !key.IsPublic() || key.KeyID == "" {
			return nil, errors.New("reading a JWKS: it holds what is not a public key with a kid")
		}
		keys[key.KeyID] = key
	}
	return keys, nil
}
