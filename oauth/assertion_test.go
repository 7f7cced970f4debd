package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertionSigner makes assertions of one client.
type assertionSigner struct {
	algorithm jose.SignatureAlgorithm
	private   any
	header    map[jose.HeaderKey]any
	claims    map[string]any
}

// with answers a signer whose claims differ; nil leaves one out.
func (s assertionSigner) with(claims map[string]any) assertionSigner {
	s.claims = maps.Clone(s.claims)
	maps.Copy(s.claims, claims)
	maps.DeleteFunc(s.claims, func(_ string, value any) bool { return value == nil })
	return s
}

func (s assertionSigner) under(header map[jose.HeaderKey]any) assertionSigner {
	s.header = header
	return s
}

func (s assertionSigner) sign(t testing.TB) string {
	t.Helper()
	payload, err := json.Marshal(s.claims)
	if err != nil {
		t.Fatal(err)
	}
	return s.signPayload(t, payload)
}

func (s assertionSigner) signPayload(t testing.TB, payload []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: s.algorithm, Key: s.private}, &jose.SignerOptions{ExtraHeaders: s.header})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keyClient makes a client with one registered key, and the signer of its assertions.
func keyClient(t testing.TB) (*Client, assertionSigner) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	client := activeClient()
	client.AuthMethod = AuthPrivateKeyJWT
	client.Keys = []jose.JSONWebKey{{Key: &private.PublicKey, KeyID: "one", Use: "sig"}}
	return client, assertionSigner{jose.ES256, private, nil, map[string]any{
		"iss": client.ID, "sub": client.ID, "aud": "https://latchkey.example", "jti": "first",
		"iat": testTime.Unix(), "exp": testTime.Add(time.Minute).Unix(),
	}}
}

func TestAssertions(t *testing.T) {
	client, good := keyClient(t)
	_, stranger := keyClient(t)
	stranger.claims = good.claims
	in := func(d time.Duration) float64 { return float64(testTime.Add(d).UnixMilli()) / 1000 }
	claim := func(name string, value any) string { return good.with(map[string]any{name: value}).sign(t) }
	header := func(name jose.HeaderKey, value any) string {
		return good.under(map[jose.HeaderKey]any{name: value}).sign(t)
	}
	payload, err := json.Marshal(good.claims)
	if err != nil {
		t.Fatal(err)
	}
	text := good.sign(t)
	hmac := good
	hmac.algorithm, hmac.private = jose.HS256, []byte(strings.Repeat("k", 32))

	for name, test := range map[string]struct {
		assertion string
		reason    Reason // Empty if it is accepted.
	}{
		"good":                    {text, ""},
		"audience in a list":      {claim("aud", []string{"https://latchkey.example"}), ""},
		"exp with a fraction":     {claim("exp", in(61500*time.Millisecond)), ""},
		"exp at most":             {claim("exp", in(5*time.Minute+30*time.Second)), ""},
		"exp within the skew":     {claim("exp", in(-29*time.Second)), ""},
		"nbf within the skew":     {claim("nbf", in(29*time.Second)), ""},
		"no iat":                  {claim("iat", nil), ""},
		"typ JWT":                 {header("typ", "JWT"), ""},
		"typ of assertions":       {header("typ", "client-authentication+jwt"), ""},
		"typ as a media type":     {header("typ", "application/Client-Authentication+JWT"), ""},
		"kid":                     {header("kid", "one"), ""},
		"other kid":               {header("kid", "two"), ReasonKey},
		"typ of tokens":           {header("typ", "at+jwt"), ReasonAssertion},
		"typ is no text":          {header("typ", 1), ReasonAssertion},
		"jku":                     {header("jku", "https://evil.example/keys"), ReasonAssertion},
		"x5u":                     {header("x5u", "https://evil.example/cert"), ReasonAssertion},
		"jwk":                     {header("jwk", client.Keys[0]), ReasonAssertion},
		"crit":                    {header("crit", []string{"b64"}), ReasonAssertion},
		"another's key":           {stranger.sign(t), ReasonAssertion},
		"HMAC":                    {hmac.sign(t), ReasonAssertion},
		"none":                    {"eyJhbGciOiJub25lIn0" + text[strings.Index(text, "."):strings.LastIndex(text, ".")+1], ReasonAssertion},
		"other iss":               {claim("iss", "other"), ReasonAssertion},
		"no iss":                  {claim("iss", nil), ReasonAssertion},
		"other sub":               {claim("sub", "other"), ReasonAssertion},
		"no aud":                  {claim("aud", nil), ReasonAssertion},
		"empty aud":               {claim("aud", []string{}), ReasonAssertion},
		"two audiences":           {claim("aud", []string{"https://latchkey.example", "https://other.example"}), ReasonAssertion},
		"the issuer twice":        {claim("aud", []string{"https://latchkey.example", "https://latchkey.example"}), ReasonAssertion},
		"aud with a slash":        {claim("aud", "https://latchkey.example/"), ReasonAssertion},
		"aud the token endpoint":  {claim("aud", "https://latchkey.example/oauth/token"), ReasonAssertion},
		"no exp":                  {claim("exp", nil), ReasonAssertion},
		"exp is text":             {claim("exp", "1e10"), ReasonAssertion},
		"expired":                 {claim("exp", in(-30*time.Second)), ReasonAssertion},
		"exp too far":             {claim("exp", in(time.Hour+31*time.Second)), ReasonAssertion},
		"exp beyond numbers":      {good.signPayload(t, []byte(strings.Replace(string(payload), `"exp":`, `"exp":1e999,"x":`, 1))), ReasonAssertion},
		"nbf too far":             {claim("nbf", in(31*time.Second)), ReasonAssertion},
		"nbf after exp":           {good.with(map[string]any{"nbf": in(20 * time.Second), "exp": in(10 * time.Second)}).sign(t), ReasonAssertion},
		"iat too long ago":        {claim("iat", in(-time.Hour-31*time.Second)), ReasonAssertion},
		"compressed":              {header("zip", "DEF"), ReasonAssertion},
		"another content":         {header("cty", "JWT"), ReasonAssertion},
		"iat too far":             {claim("iat", in(31*time.Second)), ReasonAssertion},
		"no jti":                  {claim("jti", nil), ReasonAssertion},
		"empty jti":               {claim("jti", ""), ReasonAssertion},
		"long jti":                {claim("jti", strings.Repeat("j", 256)), ReasonAssertion},
		"repeated claim":          {good.signPayload(t, []byte(`{"jti":"a",`+string(payload[1:]))), ReasonAssertion},
		"claims are a list":       {good.signPayload(t, []byte(`[]`)), ReasonAssertion},
		"JSON serialization":      {`{"payload":"e30","signatures":[]}`, ReasonAssertion},
		"too long":                {claim("note", strings.Repeat("n", 8<<10)), ReasonAssertion},
		"line end":                {text + "\n", ReasonAssertion},
		"padding":                 {text + "=", ReasonAssertion},
		"four parts":              {text + ".e30", ReasonAssertion},
		"empty":                   {"", ReasonAssertion},
		"signature cut":           {text[:len(text)-4], ReasonAssertion},
		"signature of no content": {text[:strings.LastIndex(text, ".")+1], ReasonAssertion},
	} {
		t.Run(name, func(t *testing.T) {
			issuer, _ := testIssuer(t, client)
			client.Secrets = nil
			caller, err := issuer.Authenticate(t.Context(), NewAssertionProof(client.ID, test.assertion))
			if test.reason == "" {
				if err != nil || caller.Client != client || caller.Secret != nil {
					t.Errorf("got %v, %v; want it accepted", caller, err)
				}
				return
			}
			expectReason(t, err, test.reason)
			// Whatever was refused has used up nothing.
			if _, err := issuer.Authenticate(t.Context(), NewAssertionProof(client.ID, text)); err != nil {
				t.Errorf("the good one afterwards: %v", err)
			}
		})
	}
}

func expectReason(t *testing.T, err error, want Reason) {
	t.Helper()
	refusal, ok := errors.AsType[*Error](err)
	if !ok || refusal.Code != InvalidClient || refusal.Description != "client authentication failed" || refusal.Reason != want {
		t.Errorf("got %v; want invalid_client for %s", err, want)
	}
}

// TestNoAssertion: a proof by an assertion that holds none proves nobody.
func TestNoAssertion(t *testing.T) {
	client, _ := keyClient(t)
	issuer, _ := testIssuer(t, client)
	_, err := issuer.Authenticate(t.Context(), Proof{Method: AuthPrivateKeyJWT, ClientID: client.ID})
	expectReason(t, err, ReasonAssertion)
}

// TestAssertionKeys: of several keys the kid chooses, and a key is used for its own algorithm alone.
func TestAssertionKeys(t *testing.T) {
	client, good := keyClient(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed := good
	ed.algorithm, ed.private = jose.EdDSA, private
	kid := func(s assertionSigner, kid string) string {
		return s.under(map[jose.HeaderKey]any{"kid": kid}).sign(t)
	}
	one, two := client.Keys[0], jose.JSONWebKey{Key: public, KeyID: "two", Use: "sig"}
	nameless, other := one, one
	nameless.KeyID, other.Algorithm = "", "ES384"
	for name, test := range map[string]struct {
		keys      []jose.JSONWebKey
		assertion string
		reason    Reason
	}{
		"first of two":           {[]jose.JSONWebKey{one, two}, kid(good, "one"), ""},
		"second of two":          {[]jose.JSONWebKey{one, two}, kid(ed, "two"), ""},
		"no kid":                 {[]jose.JSONWebKey{one, two}, good.sign(t), ReasonKey},
		"RFC 9864's name":        {[]jose.JSONWebKey{one, two}, asEd25519(t, kid(ed, "two"), private), ""},
		"it for another key":     {[]jose.JSONWebKey{one, two}, asEd25519(t, kid(ed, "one"), private), ReasonKey},
		"it, and another signer": {[]jose.JSONWebKey{one, two}, asEd25519(t, kid(ed, "two"), ed25519.NewKeyFromSeed(make([]byte, 32))), ReasonAssertion},
		"the other's kid":        {[]jose.JSONWebKey{one, two}, kid(ed, "one"), ReasonKey},
		"a key without a kid":    {[]jose.JSONWebKey{nameless}, kid(good, "any"), ""},
		"a key of another alg":   {[]jose.JSONWebKey{other}, good.sign(t), ReasonKey},
		"a key of another curve": {[]jose.JSONWebKey{{Key: ecKey(t, elliptic.P384())}}, good.sign(t), ReasonKey},
		"no keys":                {nil, good.sign(t), ReasonKey},
	} {
		t.Run(name, func(t *testing.T) {
			client.Keys = test.keys
			issuer, _ := testIssuer(t, client)
			_, err := issuer.Authenticate(t.Context(), NewAssertionProof(client.ID, test.assertion))
			if test.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			expectReason(t, err, test.reason)
		})
	}
}

// asEd25519 signs an assertion again under the name that go-jose does not know.
func asEd25519(t *testing.T, text string, private ed25519.PrivateKey) string {
	t.Helper()
	parts := strings.Split(text, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(header), `"EdDSA"`, `"Ed25519"`, 1))) + "." + parts[1]
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(input)))
}

// publishedKeys stands for the keys at one URL.
type publishedKeys map[string][]jose.JSONWebKey

func (p publishedKeys) PublishedKeys(_ context.Context, url, _ string) ([]jose.JSONWebKey, error) {
	if keys, known := p[url]; known {
		return keys, nil
	}
	return nil, errors.New("nothing is published there")
}

// TestPublishedKeys: a client's jwks_uri says its keys, and one that cannot be fetched proves nobody.
func TestPublishedKeys(t *testing.T) {
	client, signer := keyClient(t)
	issuer, _ := testIssuer(t, client)
	issuer.published = publishedKeys{"https://client.example/keys": client.Keys}
	client.Keys, client.KeysURL = nil, "https://client.example/gone"
	proof := NewAssertionProof("", signer.sign(t))
	_, err := issuer.Authenticate(t.Context(), proof)
	expectReason(t, err, ReasonKey)
	client.KeysURL = "https://client.example/keys"
	if _, err := issuer.Authenticate(t.Context(), proof); err != nil {
		t.Error(err)
	}
}

// TestAssertionOnce: of one assertion sent many times at once, one is accepted; a refused client uses up none.
func TestAssertionOnce(t *testing.T) {
	client, signer := keyClient(t)
	issuer, _ := testIssuer(t, client)
	proof := NewAssertionProof("", signer.sign(t))
	if proof.ClientID != client.ID {
		t.Fatalf("the client is %q", proof.ClientID)
	}
	client.Status = StatusInactive
	_, err := issuer.Authenticate(t.Context(), proof)
	expectReason(t, err, ReasonInactiveClient)
	client.Status = StatusActive

	var accepted atomic.Int64
	var sending sync.WaitGroup
	for range 16 {
		sending.Go(func() {
			if _, err := request(t, issuer, proof, ""); err == nil {
				accepted.Add(1)
			} else {
				expectReason(t, err, ReasonReplay)
			}
		})
	}
	sending.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
}

// TestAssertionOfOthers: another method, and a client that does not exist, get the answer of every refusal.
func TestAssertionOfOthers(t *testing.T) {
	client, signer := keyClient(t)
	client.AuthMethod = AuthSecret
	issuer, _ := testIssuer(t, client)
	_, err := issuer.Authenticate(t.Context(), NewAssertionProof("", signer.sign(t)))
	expectReason(t, err, ReasonAuthMethod)
	for _, algorithm := range assertionAlgorithms {
		if issuer.decoys[algorithm] == nil {
			t.Errorf("there is no decoy for %s", algorithm)
		}
	}
	nobody := signer.with(map[string]any{"iss": "nobody", "sub": "nobody"})
	_, err = issuer.Authenticate(t.Context(), NewAssertionProof("", nobody.sign(t)))
	expectReason(t, err, "")
}

// TestAssertionVectors holds the verification against the vectors of Wycheproof that the verifier of tokens is held
// against.
func TestAssertionVectors(t *testing.T) {
	text, err := os.ReadFile("bearer/testdata/wycheproof/json_web_signature_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		TestGroups []struct {
			Comment string
			Public  json.RawMessage
			Tests   []struct {
				ID      int `json:"tcId"`
				Comment string
				JWS     string
				Result  string
			}
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	accepted, refused := 0, 0
	for _, group := range vectors.TestGroups {
		keys, faults := ParseClientKeys(keySet(t, group.Public))
		for _, test := range group.Tests {
			ok := len(faults) == 0 && verifiesVector(test.JWS, keys)
			switch {
			case ok && test.Result == "invalid":
				t.Errorf("%s %d (%s): accepted", group.Comment, test.ID, test.Comment)
			case ok:
				accepted++
			default:
				refused++
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted < 15 || refused < 200 {
		t.Error("the vectors hardly were tried")
	}
}

func verifiesVector(text string, keys []jose.JSONWebKey) bool {
	if !isCompact(text) {
		return false
	}
	jws, err := jose.ParseSignedCompact(text, assertionAlgorithms)
	if err != nil {
		return false
	}
	header := jws.Signatures[0].Protected
	parsed := assertion{text: text, jws: jws, algorithm: jose.SignatureAlgorithm(header.Algorithm), keyID: header.KeyID}
	key, err := parsed.keyOf(keys)
	if err != nil {
		return false
	}
	return parsed.verify(key.Key)
}

func FuzzAssertion(f *testing.F) {
	client, signer := keyClient(f)
	f.Add(signer.sign(f))
	f.Add(signer.with(map[string]any{"aud": []string{}, "exp": nil}).sign(f))
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseAssertion(text)
		if err != nil || parsed.check(client.ID, "https://latchkey.example", testTime) != nil {
			return
		}
		if !slices.Contains(assertionAlgorithms, parsed.algorithm) || parsed.claims.ID == "" || parsed.claims.Subject != client.ID {
			t.Errorf("%q passes", text)
		}
	})
}
