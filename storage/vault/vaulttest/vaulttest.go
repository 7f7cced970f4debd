// Package vaulttest stands in for Vault in tests.
package vaulttest

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
	"sync"
	"sync/atomic"
	"testing"
)

// Engine stands in for Vault's transit engine: the paths, members and forms that its HTTP API documents for keys and
// signatures.
type Engine struct {
	// Refuse makes every answer a refusal.
	Refuse atomic.Bool
	// URL and Token are what a client needs to be let in.
	URL, Token string

	mutex sync.Mutex
	keys  map[string]crypto.Signer
}

// Start starts an engine that is mounted at "transit" and ends with the test.
func Start(t testing.TB) *Engine {
	e := &Engine{keys: make(map[string]crypto.Signer), Token: rand.Text()}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/transit/keys/{name}", e.create)
	mux.HandleFunc("GET /v1/transit/keys/{name}", e.read)
	mux.HandleFunc("PUT /v1/transit/sign/{name}", e.sign)
	mux.HandleFunc("PUT /v1/transit/sign/{name}/{hash}", e.sign)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		if e.Refuse.Load() || r.Header.Get("X-Vault-Token") != e.Token {
			w.WriteHeader(http.StatusForbidden)
			json.NewEncoder(w).Encode(map[string]any{"errors": []string{"permission denied"}})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
}

func answer(w http.ResponseWriter, data map[string]any) {
	json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "data": data})
}

func (e *Engine) create(w http.ResponseWriter, r *http.Request) {
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

func (e *Engine) read(w http.ResponseWriter, r *http.Request) {
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

func (e *Engine) sign(w http.ResponseWriter, r *http.Request) {
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
