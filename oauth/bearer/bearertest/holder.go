package bearertest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Holder is a client that holds a DPoP key (RFC 9449).
type Holder struct {
	now func() time.Time
	key jose.JSONWebKey
}

// NewHolder makes a holder of a new key, with the issuer's clock.
func (i *Issuer) NewHolder() *Holder {
	return &Holder{now: i.Now, key: jose.JSONWebKey{Key: newKey(), Algorithm: string(jose.ES256)}}
}

// Thumbprint answers the jkt of tokens that are bound to the key.
func (h *Holder) Thumbprint() string {
	public := h.key.Public()
	sum, err := public.Thumbprint(crypto.SHA256)
	must(err)
	return base64.RawURLEncoding.EncodeToString(sum)
}

// Proof makes the DPoP header of one request that presents the token; the token is empty for a token endpoint, and
// the nonce until a server has asked for one.
func (h *Holder) Proof(method, url, token, nonce string) string {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": h.now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return h.Sign(claims)
}

// Sign makes a proof of these claims, good or bad.
func (h *Holder) Sign(claims map[string]any) string {
	options := &jose.SignerOptions{EmbedJWK: true}
	return sign(h.key, options.WithType(bearer.ProofType), claims)
}
