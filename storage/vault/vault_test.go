package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestTransit signs by every algorithm with keys that never leave the stand-in, and has go-jose verify.
func TestTransit(t *testing.T) {
	engine := startTransit(t)
	transit, err := New("/transit/", 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range oauth.SigningAlgorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			made, err := transit.MakeKey(algorithm)
			if err != nil {
				t.Fatal(err)
			}
			reference := made.(oauth.ExternalSigner).Reference()
			found, err := transit.FindKey(reference, made.Public())
			if err != nil {
				t.Fatal(err)
			}
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: cryptosigner.Opaque(found)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			jws, err := signer.Sign([]byte("payload"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := jws.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{algorithm})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parsed.Verify(made.Public()); err != nil {
				t.Errorf("the signature does not verify: %v", err)
			}
		})
	}
	made, err := transit.MakeKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	engine.refuse = true
	if _, err := made.Sign(nil, make([]byte, 32), crypto.SHA256); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a refusal of Vault came as %v", err)
	}
	if _, err := transit.MakeKey(jose.HS256); err == nil {
		t.Error("made a key for HS256")
	}
}

// engine stands in for Vault's transit engine: the paths, members and forms that its HTTP API documents for keys and
// signatures.
type engine struct {
	mutex  sync.Mutex
	keys   map[string]crypto.Signer
	refuse bool
}

func startTransit(t *testing.T) *engine {
	e := &engine{keys: make(map[string]crypto.Signer)}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/transit/keys/{name}", e.create)
	mux.HandleFunc("GET /v1/transit/keys/{name}", e.read)
	mux.HandleFunc("PUT /v1/transit/sign/{name}", e.sign)
	mux.HandleFunc("PUT /v1/transit/sign/{name}/{hash}", e.sign)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		if e.refuse || r.Header.Get("X-Vault-Token") != "the token" {
			w.WriteHeader(http.StatusForbidden)
			json.NewEncoder(w).Encode(map[string]any{"errors": []string{"permission denied"}})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", "the token")
	return e
}

func answer(w http.ResponseWriter, data map[string]any) {
	json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "data": data})
}

func (e *engine) create(w http.ResponseWriter, r *http.Request) {
	var body struct{ Type string }
	json.NewDecoder(r.Body).Decode(&body)
	var key crypto.Signer
	switch body.Type {
	case "ecdsa-p256":
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ed25519":
		_, key, _ = ed25519.GenerateKey(rand.Reader)
	case "rsa-2048":
		key, _ = rsa.GenerateKey(rand.Reader, 2048)
	default:
		http.Error(w, `{"errors":["unknown key type"]}`, http.StatusBadRequest)
		return
	}
	e.keys[r.PathValue("name")] = key
	answer(w, map[string]any{"name": r.PathValue("name")})
}

func (e *engine) read(w http.ResponseWriter, r *http.Request) {
	key := e.keys[r.PathValue("name")]
	var public string
	if raw, isEd25519 := key.Public().(ed25519.PublicKey); isEd25519 {
		public = base64.StdEncoding.EncodeToString(raw)
	} else {
		der, _ := x509.MarshalPKIXPublicKey(key.Public())
		public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	answer(w, map[string]any{"keys": map[string]any{"1": map[string]any{"public_key": public}}})
}

func (e *engine) sign(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Input      string
		Prehashed  bool
		Marshaling string `json:"marshaling_algorithm"`
		Algorithm  string `json:"signature_algorithm"`
		SaltLength string `json:"salt_length"`
	}
	json.NewDecoder(r.Body).Decode(&body)
	input, _ := base64.StdEncoding.DecodeString(body.Input)
	var options crypto.SignerOpts = crypto.Hash(0)
	if r.PathValue("hash") == "sha2-256" && body.Prehashed && body.Marshaling == "asn1" {
		options = crypto.SHA256
	}
	if body.Algorithm == "pss" && body.SaltLength == "32" {
		options = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	}
	signature, err := e.keys[r.PathValue("name")].Sign(rand.Reader, input, options)
	if err != nil {
		http.Error(w, `{"errors":["`+err.Error()+`"]}`, http.StatusBadRequest)
		return
	}
	answer(w, map[string]any{"signature": "vault:v1:" + base64.StdEncoding.EncodeToString(signature)})
}
