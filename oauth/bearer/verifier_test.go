package bearer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// keys is a KeySource of one key.
type keys struct{ key jose.JSONWebKey }

func (k keys) Key(_ context.Context, kid string) (jose.JSONWebKey, error) {
	if kid != k.key.KeyID {
		return jose.JSONWebKey{}, bearer.ErrUnknownKey
	}
	return k.key, nil
}

// newVerifier fills in what most tests have in common.
func newVerifier(t testing.TB, config bearer.Config) *bearer.Verifier {
	t.Helper()
	config.Issuer, config.Audience = issuer, audience
	config.Now = func() time.Time { return noon }
	verifier, err := bearer.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, key any, algorithm jose.SignatureAlgorithm, kid, typ string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func goodClaims() map[string]any {
	return map[string]any{
		"iss": issuer, "sub": "cid_a", "client_id": "cid_a", "aud": []string{"https://other.example", audience},
		"iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(), "jti": "x", "scope": "profile:read events:write", "org_id": "org_a",
		"authorization_details": []any{map[string]any{"type": "profile", "actions": []string{"read"}, "workspaces": []string{"ws_1"}}},
	}
}

func TestVerify(t *testing.T) {
	private := newKey(t)
	verifier := newVerifier(t, bearer.Config{
		Keys: keys{jose.JSONWebKey{Key: private.Public(), KeyID: "k1", Algorithm: "ES256"}},
	})
	with := func(name string, value any) string {
		claims := goodClaims()
		claims[name] = value
		return sign(t, private, jose.ES256, "k1", "at+jwt", claims)
	}
	without := func(name string) string {
		claims := maps.Clone(goodClaims())
		delete(claims, name)
		return sign(t, private, jose.ES256, "k1", "at+jwt", claims)
	}
	public, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	good := sign(t, private, jose.ES256, "k1", "at+jwt", goodClaims())
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"k1"}`))

	for name, test := range map[string]struct {
		token string
		ok    bool
	}{
		"good":                   {good, true},
		"aud as a string":        {with("aud", audience), true},
		"application/ in typ":    {sign(t, private, jose.ES256, "k1", "application/AT+JWT", goodClaims()), true},
		"iat a little ahead":     {with("iat", noon.Add(30*time.Second).Unix()), true},
		"iat far ahead":          {with("iat", noon.Add(2*time.Minute).Unix()), false},
		"expired now":            {with("exp", noon.Unix()), false},
		"no exp":                 {without("exp"), false},
		"exp as text":            {with("exp", "tomorrow"), false},
		"other issuer":           {with("iss", issuer+"/"), false},
		"other audience":         {with("aud", []string{"https://other.example"}), false},
		"no audience":            {without("aud"), false},
		"no sub":                 {without("sub"), false},
		"no client_id":           {without("client_id"), false},
		"no jti":                 {without("jti"), false},
		"typ JWT":                {sign(t, private, jose.ES256, "k1", "JWT", goodClaims()), false},
		"no typ":                 {sign(t, private, jose.ES256, "k1", "", goodClaims()), false},
		"other kid":              {sign(t, private, jose.ES256, "k2", "at+jwt", goodClaims()), false},
		"other key":              {sign(t, newKey(t), jose.ES256, "k1", "at+jwt", goodClaims()), false},
		"HMAC by the public key": {sign(t, public, jose.HS256, "k1", "at+jwt", goodClaims()), false},
		"alg none":               {none + "." + payload + ".", false},
		"changed payload":        {header + "." + payload[:len(payload)-2] + "AA." + signature, false},
		"no signature":           {header + "." + payload + ".", false},
		"JSON serialization":     {`{"payload":"` + payload + `","protected":"` + header + `","signature":"` + signature + `"}`, false},
		"white space":            {good + "\n", false},
		"too long":               {good + strings.Repeat("A", 20<<10), false},
		"empty":                  {"", false},
	} {
		claims, err := verifier.Verify(t.Context(), test.token)
		switch {
		case test.ok && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.ok && (claims.ClientID != "cid_a" || !claims.Allows("events:write") || claims.Allows("events") || claims.Detail("profile").Workspaces[0] != "ws_1"):
			t.Errorf("%s: %+v", name, claims)
		case !test.ok && !errors.Is(err, bearer.ErrInvalidToken):
			t.Errorf("%s: %+v, %v", name, claims, err)
		}
	}
}

// brokenKeys is a KeySource that cannot be asked.
type brokenKeys struct{}

func (brokenKeys) Key(context.Context, string) (jose.JSONWebKey, error) {
	return jose.JSONWebKey{}, errors.New("no network")
}

func TestVerifyTellsItsOwnFaults(t *testing.T) {
	verifier := newVerifier(t, bearer.Config{Keys: brokenKeys{}})
	_, err := verifier.Verify(t.Context(), sign(t, newKey(t), jose.ES256, "k1", "at+jwt", goodClaims()))
	if err == nil || errors.Is(err, bearer.ErrInvalidToken) {
		t.Errorf("unreachable keys answered %v; a token cannot be blamed for them", err)
	}
}
