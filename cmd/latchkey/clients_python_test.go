package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// startAuthlib starts the script that uses Python's Authlib, which no lock file pins: it is the system's own.
func startAuthlib(t *testing.T) *script {
	t.Helper()
	directory, err := filepath.Abs("testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	// The system's packages are seen by its own Python, which need not be the first in the PATH.
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import authlib, requests").Run() == nil {
			return startScript(t, directory, python, "clients.py")
		}
	}
	t.Skip("this machine has no Authlib, which Debian and Ubuntu package as python3-authlib")
	return nil
}

// TestAuthlib: Python's Authlib gets tokens in every way it can, verifies them, asks about them and gives them up; and
// it understands a refusal.
func TestAuthlib(t *testing.T) {
	authlib := startAuthlib(t)
	first := startWith(t, identity{})
	lever := newLever(t, first)
	keyed := lever.newKeyed(t)
	verifier := verifier{"Authlib", func(_ context.Context, issuer, audience, token string) (*bearer.Claims, error) {
		answered, err := authlib.ask(map[string]any{"issuer": issuer, "audience": audience, "token": token})
		return answered.Claims, err
	}}
	for method, request := range map[string]map[string]any{
		"client_secret_basic": {"client_id": first.id, "client_secret": first.secret},
		"client_secret_post":  {"client_id": first.id, "client_secret": first.secret},
		"private_key_jwt":     {"client_id": keyed.id, "private_jwk": keyed.private},
	} {
		t.Run(method, func(t *testing.T) {
			id := request["client_id"].(string)
			ask := func(members map[string]any) (answer, error) {
				members["method"], members["issuer"] = method, first.issuer
				maps.Copy(members, request)
				return authlib.ask(members)
			}
			expectRefused := func(why string, members map[string]any) {
				t.Helper()
				var refused *refusal
				if _, err := ask(members); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.Code != string(oauth.InvalidClient) {
					t.Errorf("%s: %v; want 401 invalid_client", why, err)
				}
			}
			expectActive := func(token string, want bool) {
				t.Helper()
				if answered, err := ask(map[string]any{"inspect": token}); err != nil || (answered.Claims.ClientID == id) != want {
					t.Errorf("introspected: %+v %v; active should be %t", answered.Claims, err, want)
				}
			}
			got, err := ask(map[string]any{})
			if err != nil {
				t.Fatal(err)
			}
			verify(t, verifier, identity{issuer: first.issuer, id: id}, got.Token)
			expectActive(got.Token, true)
			if _, err := ask(map[string]any{"revoke": got.Token}); err != nil {
				t.Errorf("giving the token up: %v", err)
			}
			expectActive(got.Token, false)
			if method == "private_key_jwt" {
				expectRefused("the token endpoint for an aud", map[string]any{"audience": "token endpoint"})
			}
			lever.pull(t, id, "deactivate")
			expectRefused("inactive", map[string]any{})
			lever.pull(t, id, "activate")
		})
	}
}
