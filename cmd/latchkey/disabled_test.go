package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

// manager manages an installation over REST.
type manager struct {
	identity
	http *http.Client
}

// newManager registers a credential in an org of its own, which outlives whatever is switched off elsewhere.
func newManager(t *testing.T, first identity) *manager {
	config := clientcredentials.Config{ClientID: first.id, ClientSecret: first.secret, TokenURL: first.issuer + oauth.TokenPath}
	m := &manager{first, config.Client(t.Context())}
	m.do(t, http.StatusCreated, "PUT", "/tenants/org_ops", `{"level": "org", "name": "Operations"}`)
	made := m.do(t, http.StatusCreated, "POST", "/credentials", `{"name": "Manager", "org_id": "org_ops", "grants": [{"api": "latchkey",
		"permissions": ["credentials:read", "credentials:write", "catalog:read", "catalog:write"], "applies_to": {"installation": true}}]}`)
	config.ClientID, config.ClientSecret = made["client_id"].(string), made["client_secret"].(string)
	return &manager{identity{issuer: first.issuer, id: config.ClientID, secret: config.ClientSecret}, config.Client(t.Context())}
}

// do makes a request that must have this status, whatever version there is, and answers the body.
func (m *manager) do(t *testing.T, status int, method, path, body string) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, m.issuer+"/admin/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if method != "POST" && status != http.StatusCreated {
		request.Header.Set("If-Match", "*")
	}
	response, err := m.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Fatalf("%s %s answered %s: %s", method, path, response.Status, text)
	}
	var answer map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer
}

// introspect answers what a token is worth (RFC 7662 §2).
func (m *manager) introspect(t *testing.T, token string) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.issuer+oauth.IntrospectPath,
		strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(m.id, m.secret)
	response, err := http.DefaultClient.Do(request)
	var answer map[string]any
	readJSON(t, response, err, http.StatusOK, &answer)
	return answer
}

// TestDisabledThings: whatever a token depends on, without it nothing is issued from the moment the change is
// answered, and what was issued is worth nothing any more; when it is back, new tokens are issued, and old ones are
// not worth anything again.
func TestDisabledThings(t *testing.T) {
	for name, database := range map[string]func() string{
		"SQLite":     func() string { return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db") },
		"PostgreSQL": func() string { return sharedPostgres.NewDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			url := database()
			root, file := newAuthority(t)
			p := startProgram(t, url, "LATCHKEY_CLIENT_CERTS=header", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1/32", "LATCHKEY_CLIENT_CA="+file)
			db, err := storage.Open(t.Context(), storage.Config{URL: url, MasterKey: []byte("0123456789abcdef0123456789abcdef"), Now: now})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			m := newManager(t, p.identity)
			alone := (*issued)(nil).issue(t, forClient("alone.example"))
			for name, how := range map[string]struct {
				members     string
				certificate *issued
			}{
				"secret":                      {`"auth_method": "client_secret"`, nil},
				"tls_client_auth":             {`"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "client.example"`, root.issue(t, forClient("client.example"))},
				"self_signed_tls_client_auth": {`"auth_method": "self_signed_tls_client_auth", "jwks": ` + selfSignedSet(t, alone), alone},
			} {
				t.Run(name, func(t *testing.T) { holdDisabled(t, p.identity, m, db, how.members, how.certificate) })
			}
		})
	}
}

const twoPermissions = `{"name": "Plans", "audience": "https://api.example.com", "level": "workspace", "choice": "many",
	"token_lifetime": 60, "permissions": [{"key": "read", "name": "Read"}, {"key": "write", "name": "Write"}]}`

// accessToken answers the token in an answer of the token endpoint.
func accessToken(t *testing.T, body string) string {
	t.Helper()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" {
		t.Fatalf("no token: %s", body)
	}
	return answer.Token
}

// holdDisabled holds one credential to it, which authenticates as the members say: by the certificate or, if that is
// nil, by its secret.
func holdDisabled(t *testing.T, server identity, m *manager, db *storage.DB, members string, certificate *issued) {
	const grants = `"grants": [{"api": "data-plans", "permissions": ["write"], "applies_to": {"workspaces": ["ws_eu_prod"], "all_workspaces_of": ["acc_eu"]}}]`
	const inOneWorkspace = `{"grants": [{"api": "data-plans", "permissions": ["write"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`
	m.do(t, http.StatusOK, "PUT", "/apis/data-plans", twoPermissions)
	made := m.do(t, http.StatusCreated, "POST", "/credentials", `{"name": "Worker", "org_id": "org_example", `+members+`, `+grants+`}`)
	id := made["client_id"].(string)
	text, _ := made["client_secret"].(string)
	secret, credential := oauth.NewPlaintext(text), "/credentials/"+id
	defer m.do(t, http.StatusNoContent, "DELETE", credential, "")
	ask := func() (int, string, error) {
		if certificate != nil {
			return askCertified(t.Context(), server.issuer, id, certificate)
		}
		return askToken(t.Context(), server.issuer, id, secret.Reveal())
	}
	setSecrets := func(stopped time.Time) {
		t.Helper()
		err := db.UpdateClient(t.Context(), id, func(client *oauth.Client) (*admin.Event, error) {
			client.Secrets = []oauth.Secret{oauth.SecretFrom(secret, now(), "test")}
			client.Secrets[0].StoppedAt = stopped
			return &admin.Event{ID: oauth.NewID("evt"), At: now(), Action: "test", Target: id}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	post := func(path string) func() { return func() { m.do(t, http.StatusOK, "POST", path, "") } }
	for _, thing := range []struct {
		name    string
		off, on func()
		refused string
	}{
		{"client", post(credential + "/deactivate"), post(credential + "/activate"), `"error":"invalid_client"`},
		{"secret or certificate",
			func() {
				if certificate == nil {
					setSecrets(now())
					return
				}
				m.do(t, http.StatusOK, "PATCH", credential, `{"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "other.example"}`)
			},
			func() {
				if certificate == nil {
					setSecrets(time.Time{})
					return
				}
				m.do(t, http.StatusOK, "PATCH", credential, `{`+members+`}`)
			},
			`"error":"invalid_client"`},
		{"API", post("/apis/data-plans/deactivate"), post("/apis/data-plans/activate"), `"error":"invalid_scope"`},
		{"account", post("/tenants/acc_eu/deactivate"), post("/tenants/acc_eu/activate"), `"error":"invalid_scope"`},
		{"org", post("/tenants/org_example/deactivate"), post("/tenants/org_example/activate"), `"error":"invalid_client"`},
		{"workspace",
			func() {
				m.do(t, http.StatusOK, "PATCH", credential, inOneWorkspace)
				m.do(t, http.StatusOK, "POST", "/tenants/ws_eu_prod/deactivate", "")
			},
			post("/tenants/ws_eu_prod/activate"), `"error":"invalid_scope"`},
		{"permission",
			func() {
				lost := m.do(t, http.StatusOK, "PUT", "/apis/data-plans?force=true", strings.Replace(twoPermissions, `, {"key": "write", "name": "Write"}`, "", 1))
				if text, _ := json.Marshal(lost["lost"]); !bytes.Contains(text, []byte(`"deactivated":true`)) || !bytes.Contains(text, []byte(`["data-plans:write"]`)) {
					t.Errorf("the answer does not say what was lost: %s", text)
				}
			},
			func() {
				m.do(t, http.StatusOK, "PUT", "/apis/data-plans", twoPermissions)
				m.do(t, http.StatusOK, "POST", credential+"/activate", "")
				if status, body, _ := ask(); status != http.StatusBadRequest {
					t.Errorf("a permission that was taken came back by itself: %d %s", status, body)
				}
				m.do(t, http.StatusOK, "PATCH", credential, `{`+grants+`}`)
			},
			`"error":"invalid_client"`},
	} {
		for range 3 {
			_, body, _ := ask()
			old := accessToken(t, body)
			if answer := m.introspect(t, old); answer["active"] != true || answer["client_id"] != id {
				t.Errorf("with its %s: introspection says %v", thing.name, answer)
			}
			thing.off()
			if answer := m.introspect(t, old); !maps.Equal(answer, map[string]any{"active": false}) {
				t.Errorf("without its %s: introspection says %v", thing.name, answer)
			}
			status, body, err := ask()
			if err != nil || status == http.StatusOK || !strings.Contains(body, thing.refused) {
				t.Errorf("without its %s: %d %s, %v; want %s", thing.name, status, body, err, thing.refused)
			}
			thing.on()
			status, body, err = ask()
			if err != nil || status != http.StatusOK {
				t.Errorf("with its %s back: %d %s, %v", thing.name, status, body, err)
			}
			if answer := m.introspect(t, old); answer["active"] != false {
				t.Errorf("with its %s back: introspection of an old token says %v", thing.name, answer)
			}
		}
	}
}
