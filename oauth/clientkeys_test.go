package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// jwk answers a public key as a client sends it, with some members set and those that are nil removed.
func jwk(t testing.TB, public any, members map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: public})
	if err != nil {
		t.Fatal(err)
	}
	var key map[string]any
	if err := json.Unmarshal(text, &key); err != nil {
		t.Fatal(err)
	}
	maps.Copy(key, members)
	maps.DeleteFunc(key, func(_ string, value any) bool { return value == nil })
	return key
}

func keySet(t testing.TB, keys ...any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PublicKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &private.PublicKey
}

// modulus makes a number of so many bits that looks like a modulus. Whether it has factors is not what is tested.
func modulus(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return n.Add(n, big.NewInt(12345))
}

func TestClientKeysAreKept(t *testing.T) {
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := keySet(t,
		jwk(t, ecKey(t, elliptic.P256()), map[string]any{"kid": "a", "alg": "ES256", "use": "sig", "x5t": "ignored"}),
		jwk(t, ecKey(t, elliptic.P384()), map[string]any{"kid": "b", "key_ops": []string{"verify"}}),
		jwk(t, ecKey(t, elliptic.P521()), map[string]any{"kid": "c", "alg": "ES512"}),
		jwk(t, &rsa.PublicKey{N: modulus(2048), E: 65537}, map[string]any{"kid": "d", "alg": "PS384"}),
		jwk(t, &rsa.PublicKey{N: modulus(4096), E: 1<<31 - 1}, map[string]any{"kid": "e"}),
		jwk(t, edwards, map[string]any{"kid": "f", "alg": "EdDSA"}),
	)
	keys, faults := ParseClientKeys(set)
	if len(faults) > 0 || len(keys) != 6 {
		t.Fatalf("%d keys, faults %v", len(keys), faults)
	}
	// What is kept reads back as itself.
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	again, faults := ParseClientKeys(text)
	if diff := cmp.Diff(keys, again); diff != "" || len(faults) > 0 {
		t.Errorf("read again, faults %v (-want +got):\n%s", faults, diff)
	}
	if strings.Contains(string(text), `"x5t`) {
		t.Errorf("what is not understood was kept: %s", text)
	}
}

func TestClientKeysAreRefused(t *testing.T) {
	good := func(members map[string]any) any { return jwk(t, ecKey(t, elliptic.P256()), members) }
	ofRSA := func(bits, exponent int) any { return jwk(t, &rsa.PublicKey{N: modulus(bits), E: exponent}, nil) }
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	off := jwk(t, ecKey(t, elliptic.P256()), nil)
	off["y"] = off["x"]
	infinity := base64.RawURLEncoding.EncodeToString(make([]byte, 32))

	for name, test := range map[string]struct {
		set  []byte
		want []string
	}{
		"no object":        {[]byte(`[]`), []string{" wrong_type"}},
		"null":             {[]byte(`null`), []string{" wrong_type"}},
		"no keys":          {[]byte(`{}`), []string{"/keys required"}},
		"keys no list":     {[]byte(`{"keys": {}}`), []string{"/keys wrong_type"}},
		"no key":           {[]byte(`{"keys": null}`), []string{"/keys required"}},
		"empty list":       {[]byte(`{"keys": []}`), []string{"/keys required"}},
		"too many":         {keySet(t, slices.Repeat([]any{1}, 11)...), []string{"/keys too_many"}},
		"too long":         {[]byte(`{"keys": [` + strings.Repeat(" ", maxClientKeysText) + `]}`), []string{" too_long"}},
		"no object inside": {keySet(t, "key"), []string{"/keys/0 wrong_type"}},

		"private":       {keySet(t, good(map[string]any{"kid": "a"}), jwk(t, private, map[string]any{"kid": "b"})), []string{"/keys/1/d private"}},
		"private RSA":   {keySet(t, good(map[string]any{"dp": "AQ", "oth": []any{}})), []string{"/keys/0/dp private", "/keys/0/oth private"}},
		"symmetric":     {keySet(t, map[string]any{"kty": "oct", "k": "c2VjcmV0"}), []string{"/keys/0/k private"}},
		"no symmetric":  {keySet(t, map[string]any{"kty": "oct"}), []string{"/keys/0/kty not_allowed"}},
		"no kind":       {keySet(t, map[string]any{}), []string{"/keys/0/kty unknown"}},
		"wrong type":    {keySet(t, good(map[string]any{"kty": 1})), []string{"/keys/0/kty wrong_type"}},
		"P-224":         {keySet(t, good(map[string]any{"crv": "P-224"})), []string{"/keys/0/crv not_allowed"}},
		"secp256k1":     {keySet(t, good(map[string]any{"crv": "secp256k1"})), []string{"/keys/0/crv not_allowed"}},
		"X25519":        {keySet(t, map[string]any{"kty": "OKP", "crv": "X25519", "x": infinity}), []string{"/keys/0/crv not_allowed"}},
		"other curve":   {keySet(t, good(map[string]any{"crv": "P-384"})), []string{"/keys/0 invalid"}},
		"off the curve": {keySet(t, off), []string{"/keys/0 invalid"}},
		"infinity":      {keySet(t, good(map[string]any{"x": infinity, "y": infinity})), []string{"/keys/0 invalid"}},
		"no y":          {keySet(t, good(map[string]any{"y": nil})), []string{"/keys/0/y required"}},
		"padding":       {keySet(t, good(map[string]any{"x": infinity + "="})), []string{"/keys/0 invalid"}},

		"short RSA":     {keySet(t, ofRSA(2047, 65537)), []string{"/keys/0/n out_of_range"}},
		"long RSA":      {keySet(t, ofRSA(4097, 65537)), []string{"/keys/0/n out_of_range"}},
		"exponent 3":    {keySet(t, ofRSA(2048, 3)), []string{"/keys/0/e out_of_range"}},
		"even exponent": {keySet(t, ofRSA(2048, 65538)), []string{"/keys/0/e out_of_range"}},
		"huge exponent": {keySet(t, jwk(t, &rsa.PublicKey{N: modulus(2048), E: 65537}, map[string]any{"e": "AQAAAAAAAAAAAQAB"})), []string{"/keys/0/e out_of_range"}},
		"even modulus":  {keySet(t, jwk(t, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}, nil)), []string{"/keys/0/n invalid"}},

		"encryption":      {keySet(t, good(map[string]any{"use": "enc"})), []string{"/keys/0/use not_allowed"}},
		"operations":      {keySet(t, good(map[string]any{"key_ops": []string{"sign"}})), []string{"/keys/0/key_ops not_allowed"}},
		"other algorithm": {keySet(t, good(map[string]any{"alg": "RS256"})), []string{"/keys/0/alg not_allowed"}},
		"HMAC":            {keySet(t, good(map[string]any{"alg": "HS256"})), []string{"/keys/0/alg not_allowed"}},
		"none":            {keySet(t, good(map[string]any{"alg": "none"})), []string{"/keys/0/alg not_allowed"}},
		"no kid":          {keySet(t, good(nil), good(map[string]any{"kid": "a"})), []string{"/keys/0/kid required"}},
		"same kid":        {keySet(t, good(map[string]any{"kid": "a"}), good(map[string]any{"kid": "a"})), []string{"/keys/1/kid repeated"}},
		"odd kid":         {keySet(t, good(map[string]any{"kid": "a\x00"})), []string{"/keys/0/kid invalid"}},
		"all at once": {keySet(t, good(map[string]any{"kid": "a", "use": "enc", "alg": "none"}), map[string]any{"kid": "a", "kty": "oct"}),
			[]string{"/keys/0/use not_allowed", "/keys/0/alg not_allowed", "/keys/1/kty not_allowed", "/keys/1/kid repeated"}},
	} {
		keys, faults := ParseClientKeys(test.set)
		var got []string
		for _, fault := range faults {
			got = append(got, fault.Pointer+" "+fault.Code)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || keys != nil {
			t.Errorf("%s: %d keys, faults (-want +got):\n%s", name, len(keys), diff)
		}
	}
}

func TestCheckKeysURL(t *testing.T) {
	for text, good := range map[string]bool{
		"https://keys.example/jwks.json?v=1":                true,
		"https://keys.example":                              true,
		"http://keys.example/jwks.json":                     false,
		"/jwks.json":                                        false,
		"https:///jwks.json":                                false,
		"https://user:pass@keys.example/":                   false,
		"https://keys.example/#a":                           false,
		"https://keys.example/#":                            false,
		"https://keys.example/a b":                          false,
		"https://kéys.example/":                             false,
		"https://keys.example/%zz":                          false,
		"https://keys.example/" + strings.Repeat("a", 2048): false,
		"": false,
	} {
		if err := CheckKeysURL(text); (err == nil) != good {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func FuzzParseClientKeys(f *testing.F) {
	f.Add(string(keySet(f, jwk(f, ecKey(f, elliptic.P256()), map[string]any{"kid": "a", "alg": "ES256"}))))
	f.Add(string(keySet(f, jwk(f, &rsa.PublicKey{N: modulus(2048), E: 65537}, nil))))
	f.Add(`{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": ""}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		keys, faults := ParseClientKeys([]byte(text))
		if (len(keys) == 0) == (len(faults) == 0) {
			t.Fatalf("%d keys and %d faults", len(keys), len(faults))
		}
		for i, key := range keys {
			if !key.Valid() || !key.IsPublic() {
				t.Fatal(fmt.Sprint("key ", i, " is not a public key"))
			}
		}
	})
}
