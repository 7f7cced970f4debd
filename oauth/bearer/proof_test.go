package bearer_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

const (
	proofURL  = "https://issuer.example/oauth/token"
	someToken = "some.access.token"
	// someHash is the ath of someToken.
	someHash = "pCbsvzgyaY79ZgKVkXQ7AbC2UiR739SiwGOfkpnKMUA"
)

// compactJWS writes a JWS by hand, so that its header can be anything. A nil signer leaves the signature empty.
func compactJWS(t testing.TB, header string, payload any, signer *ecdsa.PrivateKey) string {
	t.Helper()
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(body)
	if signer == nil {
		return input + "."
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signES256(t, signer, input))
}

func publicJWK(t testing.TB, key any) map[string]any {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var jwk map[string]any
	if err := json.Unmarshal(text, &jwk); err != nil {
		t.Fatal(err)
	}
	return jwk
}

func newProofs(t testing.TB, config bearer.ProofsConfig) *bearer.Proofs {
	t.Helper()
	config.Now = func() time.Time { return noon }
	proofs, err := bearer.NewProofs(config)
	if err != nil {
		t.Fatal(err)
	}
	return proofs
}

func TestProof(t *testing.T) {
	key, other := newKey(t), newKey(t)
	proofs := newProofs(t, bearer.ProofsConfig{})
	claims := func(change map[string]any) map[string]any {
		all := map[string]any{"jti": "1", "htm": "POST", "htu": proofURL, "iat": noon.Unix(), "ath": someHash}
		maps.Copy(all, change)
		return all
	}
	header := func(change map[string]any) string {
		all := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": publicJWK(t, key.Public())}
		maps.Copy(all, change)
		maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	private := publicJWK(t, key)
	keySaying := func(name string, value any) string {
		said := publicJWK(t, key.Public())
		said[name] = value
		return compactJWS(t, header(map[string]any{"jwk": said}), claims(nil), key)
	}
	offCurve := publicJWK(t, key.Public())
	offCurve["x"] = publicJWK(t, other.Public())["x"]
	good := compactJWS(t, header(nil), claims(nil), key)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	duplicate := strings.Replace(header(nil), `"typ"`, `"typ":"dpop+jwt","typ"`, 1)

	for _, test := range []struct{ name, proof, reason string }{
		{"good", good, ""},
		{"media type in full", compactJWS(t, header(map[string]any{"typ": "application/dpop+jwt"}), claims(nil), key), ""},
		{"normalized URL", compactJWS(t, header(nil), claims(map[string]any{"htu": "HTTPS://Issuer.Example:443/x/../oauth/%74oken?q#f"}), key), ""},
		{"early", compactJWS(t, header(nil), claims(map[string]any{"iat": noon.Unix() + 60}), key), ""},
		{"late", compactJWS(t, header(nil), claims(map[string]any{"iat": noon.Unix() - 60}), key), ""},
		{"too early", compactJWS(t, header(nil), claims(map[string]any{"iat": noon.Unix() + 61}), key), "not of now"},
		{"too late", compactJWS(t, header(nil), claims(map[string]any{"iat": noon.Unix() - 61}), key), "not of now"},
		{"no iat", compactJWS(t, header(nil), claims(map[string]any{"iat": nil}), key), "not of now"},
		{"iat at the end of time", compactJWS(t, header(nil), claims(map[string]any{"iat": int64(-1 << 63)}), key), "not of now"},
		{"iat beyond numbers", compactJWS(t, header(nil), claims(map[string]any{"iat": 1e300}), key), "not of now"},
		{"fraction of a second", compactJWS(t, header(nil), claims(map[string]any{"iat": float64(noon.Unix()) + .5}), key), ""},
		{"exp and nbf", compactJWS(t, header(nil), claims(map[string]any{"exp": noon.Unix() + 1, "nbf": noon.Unix()}), key), ""},
		{"expired", compactJWS(t, header(nil), claims(map[string]any{"exp": noon.Unix() - 60}), key), "expired"},
		{"not valid yet", compactJWS(t, header(nil), claims(map[string]any{"nbf": noon.Unix() + 61}), key), "not valid yet"},
		{"key for its algorithm", keySaying("alg", "ES256"), ""},
		{"key for another algorithm", keySaying("alg", "ES384"), "the key is for another algorithm"},
		{"key for signatures", keySaying("use", "sig"), ""},
		{"key for encryption", keySaying("use", "enc"), "the key is not for verifying"},
		{"key to verify", keySaying("key_ops", []string{"verify"}), ""},
		{"key to encrypt", keySaying("key_ops", []string{"encrypt"}), "the key is not for verifying"},
		{"key with an empty private part", keySaying("d", nil), "the key is not public"},
		{"key with a symmetric part", keySaying("k", "AAAA"), "the key is not public"},
		{"iat as text", compactJWS(t, header(nil), claims(map[string]any{"iat": "now"}), key), "malformed claims"},
		{"no jti", compactJWS(t, header(nil), claims(map[string]any{"jti": ""}), key), "its jti is missing or too long"},
		{"long jti", compactJWS(t, header(nil), claims(map[string]any{"jti": strings.Repeat("x", 257)}), key), "its jti is missing or too long"},
		{"other method", compactJWS(t, header(nil), claims(map[string]any{"htm": "post"}), key), "wrong method"},
		{"other path", compactJWS(t, header(nil), claims(map[string]any{"htu": proofURL + "/"}), key), "wrong URL"},
		{"other case of the path", compactJWS(t, header(nil), claims(map[string]any{"htu": "https://issuer.example/oauth/TOKEN"}), key), "wrong URL"},
		{"escaped slash", compactJWS(t, header(nil), claims(map[string]any{"htu": "https://issuer.example/oauth%2Ftoken"}), key), "wrong URL"},
		{"other scheme", compactJWS(t, header(nil), claims(map[string]any{"htu": "http://issuer.example/oauth/token"}), key), "wrong URL"},
		{"other port", compactJWS(t, header(nil), claims(map[string]any{"htu": "https://issuer.example:8443/oauth/token"}), key), "wrong URL"},
		{"user in the URL", compactJWS(t, header(nil), claims(map[string]any{"htu": "https://a@issuer.example/oauth/token"}), key), "wrong URL"},
		{"relative", compactJWS(t, header(nil), claims(map[string]any{"htu": "/oauth/token"}), key), "wrong URL"},
		{"other token", compactJWS(t, header(nil), claims(map[string]any{"ath": "x"}), key), "made for another token"},
		{"no token", compactJWS(t, header(nil), claims(map[string]any{"ath": nil}), key), "made for another token"},
		{"typ JWT", compactJWS(t, header(map[string]any{"typ": "JWT"}), claims(nil), key), "wrong type"},
		{"no typ", compactJWS(t, header(map[string]any{"typ": nil}), claims(nil), key), "wrong type"},
		{"alg none", compactJWS(t, header(map[string]any{"alg": "none"}), claims(nil), nil), "algorithm not allowed"},
		{"HMAC", compactJWS(t, header(map[string]any{"alg": "HS256"}), claims(nil), key), "algorithm not allowed"},
		{"algorithm of another key", compactJWS(t, header(map[string]any{"alg": "EdDSA"}), claims(nil), key), "bad signature"},
		{"critical", compactJWS(t, header(map[string]any{"crit": []string{"b64"}, "b64": true}), claims(nil), key), "critical header parameters"},
		{"typ twice", compactJWS(t, duplicate, claims(nil), key), "malformed header"},
		{"header no object", compactJWS(t, "null", claims(nil), key), "malformed header"},
		{"no key", compactJWS(t, header(map[string]any{"jwk": nil}), claims(nil), key), "malformed key"},
		{"key null", compactJWS(t, strings.Replace(header(map[string]any{"jwk": 0}), `"jwk":0`, `"jwk":null`, 1), claims(nil), key), "malformed key"},
		{"private key", compactJWS(t, header(map[string]any{"jwk": private}), claims(nil), key), "the key is not public"},
		{"symmetric key", compactJWS(t, header(map[string]any{"jwk": map[string]string{"kty": "oct", "k": "AAAA"}}), claims(nil), key), "the key is not public"},
		{"point off the curve", compactJWS(t, header(map[string]any{"jwk": offCurve}), claims(nil), key), "malformed key"},
		{"weak key", compactJWS(t, header(map[string]any{"alg": "RS256", "jwk": publicJWK(t, weak.Public())}), claims(nil), key), "weak key"},
		{"other signer", compactJWS(t, header(nil), claims(nil), other), "bad signature"},
		{"no signature", compactJWS(t, header(nil), claims(nil), nil), "bad signature"},
		{"changed", good[:len(good)-4] + "AAAA", "bad signature"},
		{"line end", good + "\n", "not a compact JWS"},
		{"padding", good + "=", "not a compact JWS"},
		{"four parts", good + ".", "not a compact JWS"},
		{"empty", "", "not a compact JWS"},
		{"too long", strings.Repeat("a", 9<<10), "too long"},
	} {
		proof, err := proofs.Check(bearer.ProofRequest{Proofs: []string{test.proof}, Method: "POST", URL: proofURL, AccessToken: someToken})
		refusal := new(bearer.Refusal)
		switch {
		case test.reason == "" && (err != nil || len(proof.Thumbprint) != 43):
			t.Errorf("%s: %v", test.name, err)
		case test.reason != "" && (!errors.As(err, &refusal) || !errors.Is(err, bearer.ErrInvalidProof) || refusal.Reason != test.reason):
			t.Errorf("%s: %v, want %q", test.name, err, test.reason)
		case test.proof != "" && err != nil && strings.Contains(err.Error(), test.proof):
			t.Errorf("%s: the refusal holds the proof", test.name)
		}
	}
	for _, n := range []int{0, 2} {
		request := bearer.ProofRequest{Proofs: []string{good, good}[:n], Method: "POST", URL: proofURL, AccessToken: someToken}
		if _, err := proofs.Check(request); !errors.Is(err, bearer.ErrInvalidProof) {
			t.Errorf("%d proofs: %v", n, err)
		}
	}
}

func TestProofAlgorithms(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all, one := newProofs(t, bearer.ProofsConfig{}), newProofs(t, bearer.ProofsConfig{Algorithms: []jose.SignatureAlgorithm{jose.ES256}})
	for _, test := range []struct {
		algorithm jose.SignatureAlgorithm
		key       any
		all, one  bool
	}{
		{jose.ES256, newKey(t), true, true}, {jose.EdDSA, ed, true, false}, {jose.RS256, big, true, false},
		{jose.PS256, big, true, false}, {jose.ES384, p384, false, false}, {jose.RS512, big, false, false},
	} {
		options := (&jose.SignerOptions{EmbedJWK: true}).WithType(bearer.ProofType)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: test.algorithm, Key: test.key}, options)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(fmt.Sprintf(`{"jti":"1","htm":"GET","htu":"https://a.example","iat":%d}`, noon.Unix())))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		request := bearer.ProofRequest{Proofs: []string{proof}, Method: "GET", URL: "https://a.example/"}
		if _, err := all.Check(request); (err == nil) != test.all {
			t.Errorf("%s: %v", test.algorithm, err)
		}
		if _, err := one.Check(request); (err == nil) != test.one {
			t.Errorf("%s where ES256 alone is allowed: %v", test.algorithm, err)
		}
	}
	// RFC 9864's name, which go-jose does not sign under.
	header, err := json.Marshal(map[string]any{"typ": "dpop+jwt", "alg": "Ed25519", "jwk": publicJWK(t, ed.Public())})
	if err != nil {
		t.Fatal(err)
	}
	input := strings.TrimSuffix(compactJWS(t, string(header), map[string]any{"jti": "1", "htm": "GET", "htu": "https://a.example", "iat": noon.Unix()}, nil), ".")
	proof := input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(ed, []byte(input)))
	if _, err := all.Check(bearer.ProofRequest{Proofs: []string{proof}, Method: "GET", URL: "https://a.example/"}); err != nil {
		t.Errorf("Ed25519: %v", err)
	}
	if _, err := bearer.NewProofs(bearer.ProofsConfig{Algorithms: []jose.SignatureAlgorithm{jose.HS256}}); err == nil {
		t.Error("HMAC can be allowed")
	}
}

func TestReplayMemory(t *testing.T) {
	now := noon
	memory := bearer.NewReplayMemory(3, func() time.Time { return now })
	use := func(id string, want bool, full bool) {
		t.Helper()
		unused, err := memory.Use(t.Context(), id, noon.Add(time.Minute))
		if unused != want || errors.Is(err, bearer.ErrReplaysFull) != full {
			t.Errorf("%s: %v, %v", id, unused, err)
		}
	}
	use("a", true, false)
	use("a", false, false)
	use("b", true, false)
	use("c", true, false)
	use("d", false, true)
	use("a", false, false)
	now = noon.Add(time.Minute)
	use("a", false, false)
	now = noon.Add(time.Minute + time.Second)
	use("d", true, false)
	use("a", true, false)
}

func TestProofIsUsedOnce(t *testing.T) {
	key := newKey(t)
	proofs := newProofs(t, bearer.ProofsConfig{})
	header, err := json.Marshal(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": publicJWK(t, key.Public())})
	if err != nil {
		t.Fatal(err)
	}
	text := compactJWS(t, string(header), map[string]any{"jti": "1", "htm": "POST", "htu": proofURL, "iat": noon.Unix()}, key)
	var used atomic.Int64
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			proof, err := proofs.Check(bearer.ProofRequest{Proofs: []string{text}, Method: "POST", URL: proofURL})
			if err != nil {
				t.Error(err)
			}
			switch err := proofs.Use(t.Context(), proof); {
			case err == nil:
				used.Add(1)
			case !errors.Is(err, bearer.ErrInvalidProof):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if used.Load() != 1 {
		t.Errorf("used %d times", used.Load())
	}
}

func TestSealedNonces(t *testing.T) {
	now := noon
	clock := func() time.Time { return now }
	make32 := func(b byte) []byte { return []byte(strings.Repeat(string(b), 32)) }
	ours, err := bearer.NewSealedNonces(make32('a'), time.Minute, clock)
	if err != nil {
		t.Fatal(err)
	}
	replica, err := bearer.NewSealedNonces(make32('a'), time.Minute, clock)
	if err != nil {
		t.Fatal(err)
	}
	other, err := bearer.NewSealedNonces(make32('b'), time.Minute, clock)
	if err != nil {
		t.Fatal(err)
	}
	nonce := ours.Next()
	if !ours.Valid(nonce) || !replica.Valid(nonce) || other.Valid(nonce) || ours.Valid(nonce+"A") || ours.Valid("") || ours.Valid("A"+nonce[1:]+"=") {
		t.Error("a nonce is good where it should not be, or the reverse")
	}
	now = noon.Add(time.Minute)
	if !ours.Valid(nonce) {
		t.Error("ended too early")
	}
	now = noon.Add(time.Minute + time.Second)
	if ours.Valid(nonce) {
		t.Error("does not end")
	}
	if _, err := bearer.NewSealedNonces([]byte("short"), time.Minute, clock); err == nil {
		t.Error("a short key is taken")
	}
}
