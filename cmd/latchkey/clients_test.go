package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// identity is a client's id and secret, and the server that knows them.
type identity struct{ issuer, id, secret string }

// client is a library that gets tokens in one way.
type client struct {
	name string
	// token answers a token, or a *refusal when the library itself understood that it was refused.
	token func(context.Context, identity) (string, error)
}

// refusal is what a library's own error says of a refusal.
type refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

func (r *refusal) Error() string { return fmt.Sprintf("refused: %d %s", r.Status, r.Code) }

// verifier is a library that verifies tokens against the published keys.
type verifier struct {
	name   string
	verify func(ctx context.Context, issuer, audience, token string) (*bearer.Claims, error)
}

// TestClients is the main job with libraries that others wrote: a token is got and verified; after a deactivate the
// next request is refused; after an activate it is answered again.
func TestClients(t *testing.T) {
	npm := startNPM(t)
	clients := append(goClients(), npm.clients()...)
	verifiers := append(goVerifiers(), npm.verifier())

	for name, environment := range map[string][]string{
		"invented": nil,
		// All that is special in a header, a form, a URL or JSON, and can stand in an id or a secret (RFC 6749 appendix A).
		"chosen": {
			`LATCHKEY_BOOTSTRAP_CLIENT_ID=svc:a+b c%2f/?x=1&y="\#;~`,
			`LATCHKEY_BOOTSTRAP_CLIENT_SECRET=` + `:+%&= "\%41` + `kX9!mQ2$vT7^wR4*zL8(pN5)hJ3<`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			first := startForClients(t, environment)
			lever := newLever(t, first)
			for _, client := range clients {
				t.Run(client.name, func(t *testing.T) {
					token, err := client.token(t.Context(), first)
					if err != nil {
						t.Fatal(err)
					}
					for _, verifier := range verifiers {
						t.Run(verifier.name, func(t *testing.T) { verify(t, verifier, first, token) })
					}

					lever.pull(t, first.id, "deactivate")
					_, err = client.token(t.Context(), first)
					var refused *refusal
					if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.Code != string(oauth.InvalidClient) {
						t.Errorf("after the deactivate: %v; want 401 invalid_client", err)
					}

					lever.pull(t, first.id, "activate")
					if _, err := client.token(t.Context(), first); err != nil {
						t.Errorf("after the activate: %v", err)
					}
				})
			}
		})
	}
}

// verify lets one library verify the token, and makes sure that it would not have taken any.
func verify(t *testing.T, verifier verifier, client identity, token string) {
	audience := admin.ManagementAudience(client.issuer)
	claims, err := verifier.verify(t.Context(), client.issuer, audience, token)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != client.id || claims.ClientID != client.id || !claims.Allows("latchkey:credentials:write") {
		t.Errorf("the token says %+v; want it to be about %q", claims, client.id)
	}
	if _, err := verifier.verify(t.Context(), client.issuer, "https://api.example.com", token); err == nil {
		t.Error("it was taken for another audience")
	}
	if _, err := verifier.verify(t.Context(), client.issuer, audience, forge(token)); err == nil {
		t.Error("it was taken with the signature of another token")
	}
}

// forge changes the signature, and leaves it well-formed.
func forge(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	first := "A"
	if token[at] == 'A' {
		first = "B"
	}
	return token[:at] + first + token[at+1:]
}

// lever switches credentials on and off over REST.
type lever struct {
	issuer string
	http   *http.Client
}

// newLever registers a management client of its own: one that switched itself off could not switch itself on again.
func newLever(t *testing.T, first identity) *lever {
	asFirst := clientcredentials.Config{
		ClientID: first.id, ClientSecret: first.secret, TokenURL: first.issuer + oauth.TokenPath,
	}
	response, err := asFirst.Client(t.Context()).Post(first.issuer+"/admin/v1/credentials", "application/json", strings.NewReader(`{
		"org_id": "org_example", "name": "Lever", "auth_method": "client_secret",
		"grants": [{"api": "latchkey", "permissions": ["credentials:read", "credentials:write"], "applies_to": {"installation": true}}]
	}`))
	var created struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	readJSON(t, response, err, http.StatusCreated, &created)
	asLever := asFirst
	asLever.ClientID, asLever.ClientSecret = created.ClientID, created.ClientSecret
	return &lever{first.issuer, asLever.Client(t.Context())}
}

// pull activates or deactivates a credential.
func (l *lever) pull(t *testing.T, id, act string) {
	t.Helper()
	response, err := l.http.Post(l.issuer+"/admin/v1/credentials/"+url.PathEscape(id)+"/"+act, "", nil)
	var switched struct {
		ClientID string       `json:"client_id"`
		Status   oauth.Status `json:"status"`
	}
	readJSON(t, response, err, http.StatusOK, &switched)
	want := map[string]oauth.Status{"activate": oauth.StatusActive, "deactivate": oauth.StatusInactive}[act]
	if switched.ClientID != id || switched.Status != want {
		t.Fatalf("after %s: %+v", act, switched)
	}
}

// readJSON reads the answer of a request that must have had this status.
func readJSON(t *testing.T, response *http.Response, err error, status int, into any) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Fatalf("%s answered %s: %s", response.Request.URL, response.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}
