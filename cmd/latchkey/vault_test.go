package main

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/latchkey-auth/latchkey/storage/vault/vaulttest"
)

// TestVault has the signing keys in Vault: tokens are signed there, also after a restart, and while Vault refuses
// there is no token but a reason to try again.
func TestVault(t *testing.T) {
	vault := vaulttest.Start(t)
	p := startProgram(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"),
		"LATCHKEY_KEY_MODULE=vault", "VAULT_ADDR="+vault.URL, "VAULT_TOKEN="+vault.Token)
	ask := func(want int) {
		t.Helper()
		status, body, err := askToken(t.Context(), p.issuer, p.id, p.secret)
		if err != nil || status != want {
			t.Fatalf("answered %d %s, %v; want %d", status, body, err, want)
		}
	}
	ask(http.StatusOK)
	vault.Refuse.Store(true)
	ask(http.StatusServiceUnavailable)
	vault.Refuse.Store(false)
	ask(http.StatusOK)

	p.kill()
	p.start(t)
	ask(http.StatusOK)
	// Our own admin API verifies what Vault has signed.
	lever := newLever(t, identity{issuer: p.issuer, id: p.id, secret: p.secret})
	lever.pull(t, p.id, "deactivate")
	ask(http.StatusUnauthorized)
}
