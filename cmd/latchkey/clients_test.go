package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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

	for name, chosen := range map[string]identity{
		"invented": {},
		// RFC 6749 appendix A allows all that is special in a header, a form, a URL, a path and JSON.
		"needs encoding": {id: `svc:a+b c%2f/?x=1&y="\#;~`, secret: `:+%&= "\%41` + rand.Text() + rand.Text()},
	} {
		t.Run(name, func(t *testing.T) {
			first := startWith(t, chosen)
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

// startWith starts the program on an empty database. It answers the first management client, which is the chosen
// one, or the one that the program makes up if none is chosen.
func startWith(t *testing.T, chosen identity, environ ...string) identity {
	return startAt(t, freeAddress(t), chosen, environ...)
}

// freeAddress answers an address on which nobody listens. The issuer has to be known before the program listens, and
// so the port is found first.
func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// startAt starts the program on this address, as startWith does.
func startAt(t *testing.T, address string, chosen identity, environ ...string) identity {
	chosen.issuer = "http://" + address

	directory := t.TempDir()
	stdout, err := os.Create(filepath.Join(directory, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--dev"}, append([]string{
			"LATCHKEY_ADDR=" + address,
			"LATCHKEY_ISSUER=" + chosen.issuer,
			"LATCHKEY_DATABASE_URL=sqlite:" + filepath.Join(directory, "latchkey.db"),
			"LATCHKEY_BOOTSTRAP_CLIENT_ID=" + chosen.id,
			"LATCHKEY_BOOTSTRAP_CLIENT_SECRET=" + chosen.secret,
			"LATCHKEY_METRICS_ADDR=off",
			"LATCHKEY_DRAIN_DELAY=0s",
		}, environ...), stdout, t.Output())
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the program ended with %d", code)
		}
	})
	awaitReady(t, chosen.issuer)

	if chosen.id == "" {
		announced, err := os.ReadFile(stdout.Name())
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^ID=(\S+) SECRET=(\S+)$`).FindSubmatch(announced)
		if found == nil {
			t.Fatalf("no first credential in what the program prints:\n%s", announced)
		}
		chosen.id, chosen.secret = string(found[1]), string(found[2])
	}
	return chosen
}

// awaitReady waits until the server could issue a token.
func awaitReady(t *testing.T, issuer string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(issuer + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("the program does not become ready")
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
		"org_id": "org_example", "name": "Lever `+rand.Text()+`", "auth_method": "client_secret",
		"grants": [{"api": "latchkey", "permissions": ["credentials:read", "credentials:write", "audit:read"], "applies_to": {"installation": true}}]
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
	address := l.issuer + "/admin/v1/credentials/" + url.PathEscape(id) + "/" + act
	response, err := l.http.Post(address, "", nil)
	for deadline := time.Now().Add(time.Minute); err == nil && response.StatusCode == http.StatusServiceUnavailable && time.Now().Before(deadline); {
		// A machine under load may keep the database waiting, and the answer is to try again.
		response.Body.Close()
		time.Sleep(time.Second)
		response, err = l.http.Post(address, "", nil)
	}
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

// create registers a credential that may read profiles, and answers its id.
func (l *lever) create(name string) (string, error) {
	body := fmt.Sprintf(`{"name": %q, "grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`, name)
	response, err := l.http.Post(l.issuer+"/admin/v1/credentials", "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var created struct {
		ClientID string `json:"client_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&created); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("creating a credential answered %s", response.Status)
	}
	return created.ClientID, nil
}

// collect walks all pages of a list and counts what key answers for its rows; an empty key does not count.
func (l *lever) collect(t *testing.T, path string, key func(map[string]any) string) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for cursor := ""; ; {
		response, err := l.http.Get(l.issuer + path + "?limit=100&cursor=" + url.QueryEscape(cursor))
		var page struct {
			Data       []map[string]any `json:"data"`
			NextCursor string           `json:"next_cursor"`
		}
		readJSON(t, response, err, http.StatusOK, &page)
		for _, row := range page.Data {
			if name := key(row); name != "" {
				counts[name]++
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return counts
		}
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
