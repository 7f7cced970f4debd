package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxTokenBytes bounds a token before anything parses it; go-jose has no limit of its own.
const maxTokenBytes = 16 << 10

// maxSkew is how far the issuer's clock may run ahead of ours.
const maxSkew = 60 * time.Second

// algorithms are the signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1) that a Verifier accepts.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256}

// KeySource finds the issuer's public keys.
type KeySource interface {
	// Key answers the public key with this id. It wraps ErrUnknownKey when the issuer has published no such key.
	Key(ctx context.Context, kid string) (jose.JSONWebKey, error)
}

// Verifier verifies access tokens for one audience. It is safe for concurrent use.
type Verifier struct {
	// Issuer is the exact iss that a token must carry (RFC 9068 §4).
	Issuer string
	// Audience is the resource server's own identifier, which must be among the token's aud.
	Audience string
	Keys     KeySource
	Now      func() time.Time
}

// Verify checks a token in the order of RFC 9068 §4 and answers what it says.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	payload, err := v.verifySignature(ctx, token)
	if err != nil {
		return nil, err
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, refuse("malformed claims")
	}
	now := v.Now()
	switch {
	case claims.Issuer != v.Issuer:
		return nil, refuse("wrong issuer")
	case !slices.Contains(claims.Audience, v.Audience):
		return nil, refuse("wrong audience")
	case claims.ExpiresAt <= now.Unix():
		return nil, refuse("expired")
	case claims.IssuedAt > now.Add(maxSkew).Unix():
		return nil, refuse("issued in the future")
	case claims.Subject == "" || claims.ClientID == "" || claims.ID == "":
		return nil, refuse("a required claim is missing")
	}
	return &claims, nil
}

func (v *Verifier) verifySignature(ctx context.Context, token string) ([]byte, error) {
	if len(token) > maxTokenBytes {
		return nil, refuse("too long")
	}
	// The characters of RFC 7515 §7.1 only: go-jose would drop white space, and one token must have one spelling.
	if strings.ContainsFunc(token, outsideCompact) || strings.Count(token, ".") != 2 {
		return nil, refuse("not a compact JWS")
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, refuse("malformed")
	}
	header := jws.Signatures[0].Protected
	// RFC 9068 §4: "application/at+jwt" is the same type, and anything else is some other kind of JWT.
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if !strings.EqualFold(typ, TokenType) && !strings.EqualFold(typ, "application/"+TokenType) {
		return nil, refuse("not an access token")
	}
	key, err := v.Keys.Key(ctx, header.KeyID)
	if errors.Is(err, ErrUnknownKey) {
		return nil, refuse("signed by an unknown key")
	}
	if err != nil {
		return nil, fmt.Errorf("finding the issuer's key: %w", err)
	}
	// A key verifies only its own algorithm (RFC 8725 §3.1).
	if key.Algorithm != header.Algorithm {
		return nil, refuse("wrong algorithm for its key")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return nil, refuse("bad signature")
	}
	return payload, nil
}

// outsideCompact reports whether the character cannot stand in a compact serialization: base64url and dots.
func outsideCompact(char rune) bool {
	return !('A' <= char && char <= 'Z' || 'a' <= char && char <= 'z' || '0' <= char && char <= '9' ||
		char == '-' || char == '_' || char == '.')
}

func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrInvalidToken, reason) }
