package vault

import (
	"crypto"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/vault/vaulttest"
)

// TestTransit signs by every algorithm with keys that never leave the stand-in, and has go-jose verify.
func TestTransit(t *testing.T) {
	engine := vaulttest.Start(t)
	t.Setenv("VAULT_ADDR", engine.URL)
	t.Setenv("VAULT_TOKEN", engine.Token)
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
	engine.Refuse.Store(true)
	if _, err := made.Sign(nil, make([]byte, 32), crypto.SHA256); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a refusal of Vault came as %v", err)
	}
	if _, err := transit.MakeKey(jose.HS256); err == nil {
		t.Error("made a key for HS256")
	}
}
