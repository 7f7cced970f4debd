// Package vault keeps signing keys in the transit engine of HashiCorp Vault or OpenBao: they are made there, sign
// there, and never leave. It is configured by Vault's own environment variables (VAULT_ADDR, VAULT_TOKEN,
// VAULT_CACERT and so on). A Vault token that expires is best renewed by a Vault Agent beside the server, whose
// address is then VAULT_ADDR.
package vault

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/api"

	"github.com/latchkey-auth/latchkey/oauth"
)

// timeout is how long Vault may take for one answer. A token waits for it.
const timeout = 3 * time.Second

// Transit is a transit secrets engine. It is an [oauth.SecurityModule].
type Transit struct {
	vault *api.Logical
	// mount is the path of the engine, and rsaBits the size of RSA keys made there.
	mount   string
	rsaBits int
}

// New makes a Transit of the engine that is mounted at a path, usually "transit".
func New(mount string, rsaBits int) (*Transit, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, fmt.Errorf("configuring Vault: %w", config.Error)
	}
	config.Timeout = timeout
	config.MaxRetries = 1
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("configuring Vault: %w", err)
	}
	return &Transit{vault: client.Logical(), mount: strings.Trim(mount, "/"), rsaBits: rsaBits}, nil
}

// Name implements [oauth.SecurityModule].
func (*Transit) Name() string { return "vault" }

// MakeKey implements [oauth.KeyMaker].
func (t *Transit) MakeKey(algorithm jose.SignatureAlgorithm) (crypto.Signer, error) {
	kinds := map[jose.SignatureAlgorithm]string{
		jose.ES256: "ecdsa-p256", jose.EdDSA: "ed25519",
		jose.RS256: fmt.Sprintf("rsa-%d", t.rsaBits), jose.PS256: fmt.Sprintf("rsa-%d", t.rsaBits),
	}
	kind, known := kinds[algorithm]
	if !known {
		return nil, fmt.Errorf("no keys in Vault for the algorithm %q", algorithm)
	}
	name := oauth.NewID("latchkey")
	if _, err := t.ask("keys/"+name, map[string]any{"type": kind}); err != nil {
		return nil, err
	}
	public, err := t.public(name)
	if err != nil {
		return nil, err
	}
	return &signer{transit: t, name: name, public: public}, nil
}

// FindKey implements [oauth.SecurityModule]. It does not ask Vault: a key that is not there fails when it signs.
func (t *Transit) FindKey(reference string, public crypto.PublicKey) (crypto.Signer, error) {
	return &signer{transit: t, name: reference, public: public}, nil
}

// ask writes to a path of the engine, or reads it if there is nothing to write.
func (t *Transit) ask(path string, data map[string]any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var (
		secret *api.Secret
		err    error
	)
	if data == nil {
		secret, err = t.vault.ReadWithContext(ctx, t.mount+"/"+path)
	} else {
		secret, err = t.vault.WriteWithContext(ctx, t.mount+"/"+path, data)
	}
	if err != nil {
		return nil, fmt.Errorf("asking Vault: %w", err)
	}
	if secret == nil {
		return nil, nil
	}
	return secret.Data, nil
}

// public answers the public half of the only version of a key.
func (t *Transit) public(name string) (crypto.PublicKey, error) {
	data, err := t.ask("keys/"+name, nil)
	if err != nil {
		return nil, err
	}
	versions, _ := data["keys"].(map[string]any)
	version, _ := versions["1"].(map[string]any)
	text, _ := version["public_key"].(string)
	if text == "" {
		return nil, fmt.Errorf("no public key of %s in Vault", name)
	}
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return x509.ParsePKIXPublicKey(block.Bytes)
	}
	// Of an Ed25519 key Vault shows the 32 bytes alone.
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("unreadable public key of %s in Vault", name)
	}
	return ed25519.PublicKey(raw), nil
}

// signer is one key of the engine.
type signer struct {
	transit *Transit
	name    string
	public  crypto.PublicKey
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Reference implements [oauth.ExternalSigner].
func (s *signer) Reference() string { return s.name }

// Sign implements crypto.Signer for the algorithms of [oauth.SigningAlgorithms].
func (s *signer) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	path, data := "sign/"+s.name, map[string]any{"input": base64.StdEncoding.EncodeToString(digest)}
	if options.HashFunc() != 0 {
		if options.HashFunc() != crypto.SHA256 {
			return nil, errors.New("only SHA-256 is supported")
		}
		path += "/sha2-256"
		data["prehashed"] = true
		data["marshaling_algorithm"] = "asn1"
	}
	if _, isRSA := s.public.(*rsa.PublicKey); isRSA {
		data["signature_algorithm"] = "pkcs1v15"
		if _, isPSS := options.(*rsa.PSSOptions); isPSS {
			// RFC 7518 §3.5: the salt is as long as the hash.
			data["signature_algorithm"], data["salt_length"] = "pss", strconv.Itoa(crypto.SHA256.Size())
		}
	}
	answer, err := s.transit.ask(path, data)
	if err != nil {
		return nil, err
	}
	// vault:v1:base64
	text, _ := answer["signature"].(string)
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return nil, errors.New("no signature in the answer of Vault")
	}
	return base64.StdEncoding.DecodeString(parts[2])
}
