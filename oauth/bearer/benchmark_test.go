package bearer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// BenchmarkVerify verifies one ES256 token of ordinary size. The first two lines are the floor: what the hash and the
// signature alone cost. Each library has its keys at hand, answers the claims it reads, and checks issuer, audience
// and expiry; what else each checks differs.
func BenchmarkVerify(b *testing.B) {
	private := newKey(b)
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = w.Write([]byte(`{"keys":[` + string(mustJSON(b, set.Keys[0])) + `]}`))
	}))
	defer server.Close()
	claims := goodClaims()
	claims["iss"], claims["iat"], claims["exp"] = server.URL, time.Now().Unix(), time.Now().Add(time.Hour).Unix()
	token := sign(b, private, jose.ES256, "k1", "at+jwt", claims)

	for _, candidate := range []struct {
		name   string
		verify func(context.Context) error
	}{
		{"raw", rawVerification(b, &private.PublicKey, token)},
		{"bearer", withBearer(b, server.URL, token)},
		{"go-jose", func(context.Context) error {
			parsed, err := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				return err
			}
			var registered josejwt.Claims
			var read bearer.Claims
			if err := parsed.Claims(&set, &registered, &read); err != nil {
				return err
			}
			return registered.Validate(josejwt.Expected{Issuer: server.URL, AnyAudience: josejwt.Audience{audience}, Time: time.Now()})
		}},
		{"golang-jwt+keyfunc", withKeyfunc(b, server.URL, token)},
		{"jwx", withJWX(b, server.URL, token)},
		{"go-oidc", withOIDC(server.URL, token)},
	} {
		b.Run(candidate.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := candidate.verify(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func mustJSON(b *testing.B, key jose.JSONWebKey) []byte {
	b.Helper()
	text, err := key.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// rawVerification is the hash of the signing input and ECDSA, without a line that reads the token.
func rawVerification(b *testing.B, key *ecdsa.PublicKey, token string) func(context.Context) error {
	b.Helper()
	input := []byte(token[:strings.LastIndexByte(token, '.')])
	signature, err := base64.RawURLEncoding.DecodeString(token[len(input)+1:])
	if err != nil {
		b.Fatal(err)
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return func(context.Context) error {
		sum := sha256.Sum256(input)
		if !ecdsa.Verify(key, sum[:], r, s) {
			return bearer.ErrInvalidToken
		}
		return nil
	}
}

func withBearer(b *testing.B, issuer, token string) func(context.Context) error {
	b.Helper()
	keys, err := bearer.NewKeys(bearer.KeysConfig{URL: issuer})
	if err != nil {
		b.Fatal(err)
	}
	verifier, err := bearer.New(bearer.Config{Issuer: issuer, Audience: audience, Keys: keys})
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context) error {
		_, err := verifier.Verify(ctx, token)
		return err
	}
}

func withKeyfunc(b *testing.B, issuer, token string) func(context.Context) error {
	b.Helper()
	keys, err := keyfunc.NewDefaultCtx(b.Context(), []string{issuer})
	if err != nil {
		b.Fatal(err)
	}
	return func(context.Context) error {
		_, err := jwt.Parse(token, keys.Keyfunc, jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
		return err
	}
}

func withJWX(b *testing.B, issuer, token string) func(context.Context) error {
	b.Helper()
	cache, err := jwk.NewCache(b.Context(), httprc.NewClient())
	if err != nil {
		b.Fatal(err)
	}
	if err := cache.Register(b.Context(), issuer); err != nil {
		b.Fatal(err)
	}
	keys, err := cache.CachedSet(issuer)
	if err != nil {
		b.Fatal(err)
	}
	return func(context.Context) error {
		_, err := jwxjwt.Parse([]byte(token), jwxjwt.WithKeySet(keys), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(audience))
		return err
	}
}

func withOIDC(issuer, token string) func(context.Context) error {
	keys := oidc.NewRemoteKeySet(context.Background(), issuer)
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}})
	return func(ctx context.Context) error {
		verified, err := verifier.Verify(ctx, token)
		if err != nil {
			return err
		}
		var claims bearer.Claims
		return verified.Claims(&claims)
	}
}
