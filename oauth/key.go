package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// SigningKey is a key pair that signs tokens, with its life: published from CreatedAt, signing from ActiveFrom
// until RetiredFrom, and gone from GoneFrom on.
type SigningKey struct {
	// ID is the kid: the RFC 7638 thumbprint of the public key, base64url.
	ID string
	// Algorithm is the one algorithm the key is used for.
	Algorithm jose.SignatureAlgorithm
	// Private is the key pair. It rests sealed, and never leaves the process.
	Private     crypto.Signer
	CreatedAt   time.Time
	ActiveFrom  time.Time
	RetiredFrom time.Time // Zero until the key is replaced.
	GoneFrom    time.Time // Zero until the key is replaced.
}

// NewSigningKey makes an ES256 key (RFC 7518 §3.4) that signs from now on.
func NewSigningKey(now time.Time) (SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return SigningKey{}, fmt.Errorf("making a signing key: %w", err)
	}
	key := SigningKey{Algorithm: jose.ES256, Private: private, CreatedAt: now, ActiveFrom: now}
	public := key.public()
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return SigningKey{}, fmt.Errorf("making a signing key: %w", err)
	}
	key.ID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return key, nil
}

// public answers the key as the JWKS publishes it (RFC 7517 §4). It is built from the public half alone:
// marshalling a JSONWebKey that holds a private key would print it.
func (k *SigningKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
}

func (k *SigningKey) signsAt(now time.Time) bool {
	return !now.Before(k.ActiveFrom) && (k.RetiredFrom.IsZero() || now.Before(k.RetiredFrom))
}
