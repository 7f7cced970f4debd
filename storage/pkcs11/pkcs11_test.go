//go:build pkcs11

package pkcs11

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestToken signs with keys that never leave a SoftHSM token, also after it has been opened again.
func TestToken(t *testing.T) {
	config := newToken(t)
	made := make(map[jose.SignatureAlgorithm]oauth.ExternalSigner)
	wrong := config
	wrong.PIN = "654321"
	if _, _, err := Open(wrong); err == nil {
		t.Error("opened the token with a wrong PIN")
	}
	module, closer, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256} {
		signer, err := module.MakeKey(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		made[algorithm] = signer.(oauth.ExternalSigner)
	}
	if _, err := module.MakeKey(jose.EdDSA); err == nil {
		t.Error("made a key for EdDSA")
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}

	module, closer, err = Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	for algorithm, key := range made {
		t.Run(string(algorithm), func(t *testing.T) {
			found, err := module.FindKey(key.Reference(), key.Public())
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
			if _, err := parsed.Verify(key.Public()); err != nil {
				t.Errorf("the signature does not verify: %v", err)
			}
		})
	}
	if _, err := module.FindKey("latchkey_none", nil); err == nil {
		t.Error("found a key that is not there")
	}
}

// newToken makes a SoftHSM token that is gone after the test.
func newToken(t *testing.T) Config {
	directory := t.TempDir()
	tokens, settings := filepath.Join(directory, "tokens"), filepath.Join(directory, "softhsm2.conf")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, []byte("directories.tokendir = "+tokens+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", settings)
	config := Config{Library: softHSM(t), Token: "latchkey", PIN: "123456", RSABits: 2048}
	init := exec.Command("softhsm2-util", "--init-token", "--free", "--label", config.Token, "--pin", config.PIN, "--so-pin", "654321")
	if output, err := init.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", init, err, output)
	}
	return config
}

// softHSM answers where SoftHSM's library is.
func softHSM(t *testing.T) string {
	for _, pattern := range []string{
		"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so",
		"/opt/homebrew/lib/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so",
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("SoftHSM is not installed: `make deps` installs it")
	return ""
}
