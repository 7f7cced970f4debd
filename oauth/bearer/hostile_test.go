package bearer_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// signES256 signs as RFC 7518 §3.4 says.
func signES256(t testing.TB, key *ecdsa.PrivateKey, input string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

// TestRefusals has each refusal say its one reason.
func TestRefusals(t *testing.T) {
	private, stranger := newKey(t), newKey(t)
	verifier := newVerifier(t, bearer.Config{
		Keys: keys{jose.JSONWebKey{Key: private.Public(), KeyID: "k1", Algorithm: "ES256"}},
	})
	const header = `{"alg":"ES256","typ":"at+jwt","kid":"k1"}`
	head := func(text string) string { return compactJWS(t, text, goodClaims(), private) }
	with := func(name string, value any) string {
		claims := goodClaims()
		claims[name] = value
		return compactJWS(t, header, claims, private)
	}
	raw := func(payload string) string {
		input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
		return input + "." + base64.RawURLEncoding.EncodeToString(signES256(t, private, input))
	}
	good := head(header)
	parts := strings.Split(good, ".")
	now := noon.Unix()
	// The last character of 64 bytes in base64url has four unused bits.
	loose := good[:len(good)-1] + string(good[len(good)-1]+1)

	for _, test := range []struct{ name, token, reason, detail string }{
		{"good", good, "", ""},
		{"expired", with("exp", now-240), "expired", "4m0s ago"},
		{"expired long ago", with("exp", -1<<62), "expired", ""},
		{"no exp", with("exp", nil), "no expiry", ""},
		{"exp as a fraction", with("exp", 1.5), "malformed claims", ""},
		{"exp too large", raw(`{"exp":1e30}`), "malformed claims", ""},
		{"not yet", with("nbf", now+1), "not yet valid", "in 1s"},
		{"now", with("nbf", now), "", ""},
		{"from the future", with("iat", now+90), "issued in the future", "in 1m30s"},
		{"audience", with("aud", "https://x.example"), "wrong audience", `got "https://x.example", want "https://api.example"`},
		{"issuer", with("iss", "https://x.example"), "wrong issuer", `got "https://x.example", want "https://issuer.example"`},
		{"a claim twice", raw(`{"iss":"a","iss":"` + issuer + `"}`), "malformed claims", ""},
		{"a claim in another case", raw(`{"ISS":"` + issuer + `"}`), "wrong issuer", ""},
		{"claims no object", raw(`[]`), "malformed claims", ""},
		{"claims null", raw(`null`), "wrong issuer", ""},
		{"more after the claims", raw(`{}{}`), "malformed claims", ""},
		{"no claims", raw(``), "malformed claims", ""},
		{"bound to a key", with("cnf", map[string]any{"jkt": "x"}), "bound to a DPoP key, presented as a bearer token", ""},
		{"bound to a certificate", with("cnf", map[string]any{"x5t#S256": "x"}), "bound to a certificate, presented without one", ""},
		{"bound otherwise", with("cnf", map[string]any{"kid": "x"}), "bound in an unknown way", ""},

		{"unknown key", head(`{"alg":"ES256","typ":"at+jwt","kid":"k2"}`), "unknown key", `kid "k2"`},
		{"no kid", head(`{"alg":"ES256","typ":"at+jwt"}`), "unknown key", `kid ""`},
		{"kid is a path", head(`{"alg":"ES256","typ":"at+jwt","kid":"../k1"}`), "unknown key", ""},
		{"kid with a zero", head(`{"alg":"ES256","typ":"at+jwt","kid":"k1\u0000"}`), "unknown key", ""},
		{"kid is no text", head(`{"alg":"ES256","typ":"at+jwt","kid":1}`), "malformed header", ""},
		{"kid is long", head(`{"alg":"ES256","typ":"at+jwt","kid":"` + strings.Repeat("k", 5000) + `"}`), "unknown key", ""},
		{"kid twice", head(`{"alg":"ES256","typ":"at+jwt","kid":"k2","kid":"k1"}`), "malformed header", ""},
		{"alg twice", head(`{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"k1"}`), "malformed header", ""},
		{"alg in another case", head(`{"alg":"es256","typ":"at+jwt","kid":"k1"}`), "algorithm not allowed", `"es256"`},
		{"ALG", head(`{"ALG":"ES256","typ":"at+jwt","kid":"k1"}`), "algorithm not allowed", ""},
		{"none", compactJWS(t, `{"alg":"none","typ":"at+jwt","kid":"k1"}`, goodClaims(), nil), "algorithm not allowed", ""},
		{"nOnE", compactJWS(t, `{"alg":"nOnE","typ":"at+jwt","kid":"k1"}`, goodClaims(), nil), "algorithm not allowed", ""},
		{"another algorithm", head(`{"alg":"EdDSA","typ":"at+jwt","kid":"k1"}`), "wrong algorithm for its key", ""},
		{"own key", compactJWS(t, `{"alg":"ES256","typ":"at+jwt","kid":"k1","jwk":`+jwkText(t, stranger)+`}`, goodClaims(), stranger), "bad signature", ""},
		{"own key's address", compactJWS(t, `{"alg":"ES256","typ":"at+jwt","kid":"k1","jku":"https://x.example"}`, goodClaims(), stranger), "bad signature", ""},
		{"critical", head(`{"alg":"ES256","typ":"at+jwt","kid":"k1","crit":["exp"],"exp":1}`), "critical header parameters", ""},
		{"critical, empty", head(`{"alg":"ES256","typ":"at+jwt","kid":"k1","crit":[]}`), "critical header parameters", ""},
		{"unknown parameter", head(`{"alg":"ES256","typ":"at+jwt","kid":"k1","x":1}`), "", ""},
		{"ID token", head(`{"alg":"ES256","typ":"JWT","kid":"k1"}`), "wrong type", `got "JWT", want "at+jwt"`},
		{"header no object", head(`"x"`), "malformed header", ""},
		{"header empty", head(``), "malformed header", ""},

		{"signature of zeros", parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86), "bad signature", ""},
		{"signature in DER", parts[0] + "." + parts[1] + ".MEUCIQ", "bad signature", ""},
		{"signature too long", good + "AA", "bad signature", ""},
		{"unused bits", loose, "not a compact JWS", ""},
		{"padding", good + "==", "not a compact JWS", ""},
		{"line end within", parts[0] + ".\n" + parts[1] + "." + parts[2], "not a compact JWS", ""},
		{"space", " " + good, "malformed header", ""},
		{"standard base64", strings.Replace(good, ".", "+.", 1), "malformed header", ""},
		{"two parts", parts[0] + "." + parts[1], "not a compact JWS", ""},
		{"five parts", good + ".x.y", "not a compact JWS", ""},
		{"huge", strings.Repeat("A", 1<<20), "too long", "1048576 bytes"},
	} {
		claims, err := verifier.Verify(t.Context(), test.token)
		refusal := new(bearer.Refusal)
		switch {
		case test.reason == "" && (err != nil || claims.ClientID != "cid_a"):
			t.Errorf("%s: %v", test.name, err)
		case test.reason == "":
		case claims != nil || !errors.Is(err, bearer.ErrInvalidToken) || !errors.As(err, &refusal) || refusal.Reason != test.reason:
			t.Errorf("%s: %v, want %q", test.name, err, test.reason)
		case test.detail != "" && refusal.Detail != test.detail:
			t.Errorf("%s: %q, want %q", test.name, refusal.Detail, test.detail)
		case strings.Contains(refusal.LogValue().String(), test.token) || len(refusal.Error()) > 400:
			t.Errorf("%s: the log value holds too much: %v", test.name, refusal.LogValue())
		}
	}
}

func jwkText(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	text, err := jose.JSONWebKey{Key: key.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLeewayAudiencesAndAlgorithms(t *testing.T) {
	private := newKey(t)
	source := keys{jose.JSONWebKey{Key: private.Public(), KeyID: "k1", Algorithm: "ES256"}}
	token := func(name string, value any) string {
		claims := goodClaims()
		claims[name] = value
		return sign(t, private, jose.ES256, "k1", "at+jwt", claims)
	}
	lenient := newVerifier(t, bearer.Config{Keys: source, Leeway: 1e10, Audiences: []string{"https://second.example"}})
	for name, test := range map[string]struct {
		token string
		ok    bool
	}{
		"just expired":    {token("exp", noon.Unix()-9), true},
		"expired":         {token("exp", noon.Unix()-10), false},
		"nearly valid":    {token("nbf", noon.Unix()+10), true},
		"not yet":         {token("nbf", noon.Unix()+11), false},
		"second audience": {token("aud", []string{"x", "https://second.example"}), true},
		"third audience":  {token("aud", []string{"https://third.example"}), false},
	} {
		if _, err := lenient.Verify(t.Context(), test.token); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := lenient.For("https://third.example").Verify(t.Context(), token("aud", "https://third.example")); err != nil {
		t.Error(err)
	}
	strict := newVerifier(t, bearer.Config{Keys: source, Algorithms: []jose.SignatureAlgorithm{jose.EdDSA}})
	if _, err := strict.Verify(t.Context(), token("x", 1)); !errors.Is(err, bearer.ErrInvalidToken) {
		t.Errorf("an algorithm that is not allowed: %v", err)
	}
	bound := token("cnf", map[string]any{"jkt": "x"})
	if claims, err := lenient.Read(t.Context(), bound); err != nil || claims.Confirmation.Thumbprint != "x" {
		t.Errorf("reading a bound token: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	proofs := newProofs(t, bearer.ProofsConfig{})
	for name, config := range map[string]bearer.Config{
		"no issuer":        {Audience: audience},
		"no audience":      {Issuer: issuer},
		"empty audience":   {Issuer: issuer, Audiences: []string{""}},
		"http":             {Issuer: "http://issuer.example", Audience: audience},
		"long leeway":      {Issuer: issuer, Audience: audience, Leeway: 1e12},
		"HMAC":             {Issuer: issuer, Audience: audience, Algorithms: []jose.SignatureAlgorithm{jose.HS256}},
		"proofs, nowhere":  {Issuer: issuer, Audience: audience, Proofs: proofs},
		"origin no URL":    {Issuer: issuer, Audience: audience, Proofs: proofs, Origin: "api.example"},
		"realm in quotes":  {Issuer: issuer, Audience: audience, Realm: `"`},
		"short status age": {Issuer: issuer, Audience: audience, Status: &bearer.StatusConfig{MaxAge: 1}},
	} {
		if _, err := bearer.New(config); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	private := newKey(f)
	verifier := newVerifier(f, bearer.Config{Keys: keys{jose.JSONWebKey{Key: private.Public(), KeyID: "k1", Algorithm: "ES256"}}})
	good := sign(f, private, jose.ES256, "k1", "at+jwt", goodClaims())
	f.Add(good)
	f.Add("e30.e30.")
	f.Add("..")
	f.Add(compactJWS(f, `{"alg":"none","typ":"at+jwt","kid":"k1"}`, goodClaims(), nil))
	f.Fuzz(func(t *testing.T, token string) {
		// Nobody but the issuer writes a token.
		if _, err := verifier.Verify(t.Context(), token); (err == nil) != (token == good) || err != nil && !errors.Is(err, bearer.ErrInvalidToken) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzProof(f *testing.F) {
	proofs := newProofs(f, bearer.ProofsConfig{})
	key := newKey(f)
	f.Add(compactJWS(f, `{"alg":"ES256","typ":"dpop+jwt","jwk":`+jwkText(f, key)+`}`,
		map[string]any{"jti": "1", "htm": "POST", "htu": proofURL, "iat": noon.Unix(), "ath": someHash}, key), proofURL)
	f.Add("e30.e30.", "https://a.example/%zz")
	f.Fuzz(func(t *testing.T, text, url string) {
		proof, err := proofs.Check(bearer.ProofRequest{Proofs: []string{text}, Method: "POST", URL: url, AccessToken: someToken})
		if err != nil && !errors.Is(err, bearer.ErrInvalidProof) || err == nil && proof.Thumbprint == "" {
			t.Errorf("%v", err)
		}
	})
}
