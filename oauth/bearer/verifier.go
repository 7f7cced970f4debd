package bearer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxTokenBytes bounds a token before anything reads it.
const maxTokenBytes = 16 << 10

// maxSkew is how far the issuer's clock may run ahead of ours.
const maxSkew = 60 * time.Second

// maxHeaders is how many headers of tokens are remembered: one for each key, in practice.
const maxHeaders = 64

// Config is what a Verifier is made of. Issuer and Audience are required.
type Config struct {
	// Issuer is the exact iss that a token must carry (RFC 9068 §4).
	Issuer string
	// Audience is the resource server's own identifier. A token's aud must name it or one of Audiences.
	Audience  string
	Audiences []string
	// Keys finds the issuer's keys; nil: [NewKeys] with the issuer's metadata.
	Keys KeySource
	// Algorithms are those that are accepted; nil: ES256, EdDSA, Ed25519, RS256 and PS256.
	Algorithms []jose.SignatureAlgorithm
	// Leeway is how long after exp, or before nbf, a token is still accepted: for clocks that differ, at most five
	// minutes.
	Leeway time.Duration
	// Status has the issuer's status and deny lists read, so that what was deactivated or revoked is refused before
	// it expires. Nil: a token is good until it expires.
	Status *StatusConfig
	// Proofs verifies DPoP proofs; nil: a token that is bound to a DPoP key is refused.
	Proofs *Proofs
	// Origin is this server's address as clients write it, such as "https://api.example" or, behind a proxy that
	// removes a prefix, "https://api.example/v1". It is required with Proofs: the Host header is the caller's.
	Origin string
	// Certificate reads the client certificate of a request, for tokens that are bound to one (RFC 8705); nil: the
	// one of its TLS connection. Behind a proxy it reads what the proxy wrote, and must know that the proxy wrote it.
	Certificate func(*http.Request) *x509.Certificate
	// ResourceMetadata is the address of this resource's metadata, for challenges (RFC 9728 §5.1), or empty.
	ResourceMetadata string
	// Realm stands in challenges (RFC 9110 §11.5); empty: the Audience.
	Realm string
	// Log is told of each refusal and fault; nil: nobody is.
	Log *slog.Logger
	// Client fetches keys and lists; nil: one of ours. See [KeysConfig].
	Client *http.Client
	// Now answers the time; nil: [time.Now].
	Now func() time.Time
}

// Verifier verifies access tokens for one resource server. It is safe for concurrent use.
type Verifier struct {
	config    Config
	audiences []string
	headers   *cache[header]
	status    *lists // Nil: not asked.
}

// New makes a Verifier and checks its Config. It fetches nothing.
func New(config Config) (*Verifier, error) {
	audiences := slices.Clone(config.Audiences)
	if config.Audience != "" {
		audiences = append([]string{config.Audience}, audiences...)
	}
	switch {
	case config.Issuer == "":
		return nil, errors.New("the issuer is missing")
	case len(audiences) == 0 || slices.Contains(audiences, ""):
		return nil, errors.New("the audience is missing")
	case config.Leeway < 0 || config.Leeway > 5*time.Minute:
		return nil, errors.New("the leeway must be between 0 and five minutes")
	case config.Proofs != nil && config.Origin == "":
		return nil, errors.New("with DPoP proofs the origin is required")
	}
	if config.Origin != "" {
		if _, err := normalURL(config.Origin); err != nil {
			return nil, fmt.Errorf("origin: %w", err)
		}
		config.Origin = strings.TrimSuffix(config.Origin, "/")
	}
	orElse(&config.Realm, audiences[0])
	if !quotable(config.Realm) || !quotable(config.ResourceMetadata) {
		return nil, errors.New(`the realm and the address of the metadata must be printable ASCII without " and \`)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	var err error
	if config.Algorithms, err = checkAlgorithms(config.Algorithms); err != nil {
		return nil, err
	}
	if config.Keys == nil {
		config.Keys, err = NewKeys(KeysConfig{Issuer: config.Issuer, Client: config.Client, Now: config.Now})
		if err != nil {
			return nil, err
		}
	}
	if config.Certificate == nil {
		config.Certificate = peerCertificate
	}
	verifier := &Verifier{config: config, audiences: audiences, headers: &cache[header]{most: maxHeaders}}
	if config.Status != nil {
		if verifier.status, err = newLists(verifier, *config.Status); err != nil {
			return nil, err
		}
	}
	return verifier, nil
}

// For answers a Verifier for other audiences that shares everything else, caches included.
func (v *Verifier) For(audiences ...string) *Verifier {
	other := *v
	other.audiences = audiences
	return &other
}

// Verify accepts a token that came alone: one that is bound to a key is refused, because nothing proves that its
// presenter holds the key. A refusal is a [*Refusal] that wraps [ErrInvalidToken]; any other error is a fault.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return v.VerifyPresented(ctx, Presented{Token: token})
}

// Presented is a token and what came with it to prove that its presenter holds the key it is bound to.
type Presented struct {
	Token string
	// Certificate is that of the client, proven by TLS, or nil.
	Certificate *x509.Certificate
	// Proof is the request that the DPoP proof came with; nil: the token was presented as a bearer token.
	Proof *ProofRequest
}

// VerifyPresented accepts a token with what proves its binding. A token that is bound to a DPoP key is refused as a
// bearer token, and one that is not is refused with the DPoP scheme (RFC 9449 §7.1, §7.2).
func (v *Verifier) VerifyPresented(ctx context.Context, presented Presented) (*Claims, error) {
	claims, err := v.Read(ctx, presented.Token)
	if err != nil {
		return nil, err
	}
	if err := v.checkBinding(ctx, claims.Confirmation, presented); err != nil {
		return nil, err
	}
	return claims, nil
}

// Read answers what a genuine token in force says, whoever presents it: all of Verify but the binding to a key. It
// is for who inspects tokens. Whoever serves a request by what it says must use one of the others.
func (v *Verifier) Read(ctx context.Context, token string) (*Claims, error) {
	payload, err := v.verifySignature(ctx, token, TokenType)
	if err != nil {
		return nil, err
	}
	claims, err := parseClaims(payload)
	if err != nil {
		return nil, refuse("malformed claims")
	}
	if err := v.checkClaims(claims); err != nil {
		return nil, err
	}
	if v.status != nil {
		if err := v.status.check(ctx, claims); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// checkClaims goes in the order of RFC 9068 §4.
func (v *Verifier) checkClaims(claims *Claims) error {
	now := v.config.Now()
	leeway := int64(v.config.Leeway / time.Second)
	switch {
	case claims.Issuer != v.config.Issuer:
		return refusef("wrong issuer", "got %q, want %q", clip(claims.Issuer), v.config.Issuer)
	case !slices.ContainsFunc(v.audiences, func(own string) bool { return slices.Contains(claims.Audience, own) }):
		return refusef("wrong audience", "got %q, want %q", clip(strings.Join(claims.Audience, " ")), strings.Join(v.audiences, " "))
	case claims.ExpiresAt == 0:
		return refuse("no expiry")
	case claims.ExpiresAt <= now.Unix()-leeway:
		return refusef("expired", "%v ago", seconds(now.Unix()-claims.ExpiresAt))
	case claims.NotBefore > now.Unix()+leeway:
		return refusef("not yet valid", "in %v", seconds(claims.NotBefore-now.Unix()))
	case claims.IssuedAt > now.Add(max(maxSkew, v.config.Leeway)).Unix():
		return refusef("issued in the future", "in %v", seconds(claims.IssuedAt-now.Unix()))
	case claims.Subject == "" || claims.ClientID == "" || claims.ID == "":
		return refuse("a required claim is missing")
	}
	return nil
}

// seconds is a difference of NumericDates for reading, as far as a Duration goes.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), 1<<32)) * time.Second
}

// verifySignature answers the payload of a JWT of this type that the issuer signed.
func (v *Verifier) verifySignature(ctx context.Context, token, typ string) ([]byte, error) {
	if len(token) > maxTokenBytes && typ == TokenType {
		return nil, refusef("too long", "%d bytes", len(token))
	}
	jws, err := splitCompact(token)
	if err != nil {
		return nil, refuse("not a compact JWS")
	}
	header, known := v.headers.get(jws.header)
	if !known {
		if header, err = parseHeader(jws.header); err != nil {
			return nil, refuse("malformed header")
		}
	}
	switch {
	// RFC 9068 §4: anything else is some other kind of JWT.
	case !header.isType(typ):
		return nil, refusef("wrong type", "got %q, want %q", clip(header.Type), typ)
	case !slices.Contains(v.config.Algorithms, header.Algorithm):
		return nil, refusef("algorithm not allowed", "%q", clip(string(header.Algorithm)))
	// RFC 7515 §4.1.11: we understand no extension.
	case header.Critical != nil:
		return nil, refuse("critical header parameters")
	}
	key, err := v.config.Keys.Key(ctx, header.KeyID)
	if errors.Is(err, ErrUnknownKey) {
		return nil, refusef("unknown key", "kid %q", clip(header.KeyID))
	}
	if err != nil {
		return nil, fmt.Errorf("finding the issuer's key: %w", err)
	}
	// A key verifies only its own algorithm (RFC 8725 §3.1).
	if key.Algorithm != string(header.Algorithm) {
		return nil, refusef("wrong algorithm for its key", "got %q, want %q", header.Algorithm, key.Algorithm)
	}
	if !jws.verify(header.Algorithm, key.Key) {
		return nil, refuse("bad signature")
	}
	if !known {
		// Only the issuer's own headers, so that nobody else can fill the memory or push them out.
		v.headers.add(strings.Clone(jws.header), header)
	}
	return jws.payload, nil
}
