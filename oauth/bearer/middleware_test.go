package bearer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// stand is a resource server with routes of each kind.
type stand struct {
	issuer  *bearertest.Issuer
	handler http.Handler
	log     *bytes.Buffer
}

func newStand(t *testing.T, change func(*bearer.Config)) stand {
	t.Helper()
	issuer := bearertest.New(t)
	log := new(bytes.Buffer)
	config := issuer.Config()
	config.Log = slog.New(slog.NewTextHandler(log, nil))
	if change != nil {
		change(&config)
	}
	verifier, err := bearer.New(config)
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) func(*http.Request) string {
		return func(r *http.Request) string { return r.PathValue(name) }
	}
	account := func(_ context.Context, workspace string) (string, error) {
		switch workspace {
		case "ws_broken":
			return "", errors.New("no database")
		case "ws_new":
			return "acc_1", nil
		}
		return "", nil
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(bearer.FromContext(r.Context()).ClientID))
	})
	mux := http.NewServeMux()
	mux.Handle("/any", ok)
	mux.Handle("/read", bearer.Require("profile:read")(ok))
	mux.Handle("/both", bearer.Require("profile:read profile:write")(ok))
	mux.Handle("/w/{w}", bearer.Require("profile:read", bearer.In(value("w")))(ok))
	mux.Handle("/aw/{w}", bearer.Require("profile:read", bearer.In(value("w")), bearer.AccountOf(account))(ok))
	mux.Handle("/a/{a}", bearer.Require("platform:user", bearer.InAccount(value("a")))(ok))
	mux.Handle("/o/{o}", bearer.Require("roles:admin", bearer.InOrg(value("o")))(ok))
	return stand{issuer, verifier.Authenticate(mux), log}
}

// ask sends a request with these headers, "name: value".
func (s stand) ask(method, target string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, request)
	return answer
}

func TestMiddleware(t *testing.T) {
	stand := newStand(t, func(config *bearer.Config) {
		config.ResourceMetadata = "https://api.example/.well-known/oauth-protected-resource"
	})
	const about = `realm="https://api.example"`
	const metadata = `, resource_metadata="https://api.example/.well-known/oauth-protected-resource"`
	token := stand.issuer.Token(
		bearertest.Allow("profile:read", bearer.Places{Workspaces: []string{"ws_1"}, AllWorkspacesOf: []string{"acc_1"}}),
		bearertest.Allow("platform:user", bearer.Places{Accounts: []string{"acc_1"}}),
		bearertest.Allow("roles:admin", bearer.Places{Org: true}))
	for _, test := range []struct {
		name, target string
		headers      []string
		status       int
		challenge    string
	}{
		{"good", "/any", []string{"Authorization: Bearer " + token}, 200, ""},
		{"scheme in any case", "/any", []string{"Authorization: bEARER " + token}, 200, ""},
		{"several spaces", "/any", []string{"Authorization: Bearer   " + token}, 200, ""},
		{"permission", "/read", []string{"Authorization: Bearer " + token}, 200, ""},
		{"workspace", "/w/ws_1", []string{"Authorization: Bearer " + token}, 200, ""},
		{"later workspace, account unknown", "/w/ws_new", []string{"Authorization: Bearer " + token}, 404, ""},
		{"later workspace", "/aw/ws_new", []string{"Authorization: Bearer " + token}, 200, ""},
		{"foreign workspace", "/aw/ws_2", []string{"Authorization: Bearer " + token}, 404, ""},
		{"account cannot be told", "/aw/ws_broken", []string{"Authorization: Bearer " + token}, 503, ""},
		{"account", "/a/acc_1", []string{"Authorization: Bearer " + token}, 200, ""},
		{"foreign account", "/a/acc_2", []string{"Authorization: Bearer " + token}, 404, ""},
		{"org", "/o/org_test", []string{"Authorization: Bearer " + token}, 200, ""},
		{"foreign org", "/o/org_2", []string{"Authorization: Bearer " + token}, 404, ""},
		{"missing permission", "/both", []string{"Authorization: Bearer " + token}, 403,
			`Bearer ` + about + `, error="insufficient_scope", scope="profile:read profile:write"` + metadata},
		{"no token", "/any", nil, 401, `Bearer ` + about + metadata},
		{"other scheme", "/any", []string{"Authorization: Basic eDp5"}, 401, `Bearer ` + about + metadata},
		{"in the query", "/any?access_token=" + token, nil, 401, `Bearer ` + about + metadata},
		{"two headers", "/any", []string{"Authorization: Bearer " + token, "Authorization: Bearer " + token}, 400,
			`Bearer ` + about + `, error="invalid_request"` + metadata},
		{"bad token", "/any", []string{"Authorization: Bearer x"}, 401, `Bearer ` + about + `, error="invalid_token"` + metadata},
		{"empty token", "/any", []string{"Authorization: Bearer"}, 401, `Bearer ` + about + `, error="invalid_token"` + metadata},
		{"two tokens in one", "/any", []string{"Authorization: Bearer " + token + ", Bearer " + token}, 401,
			`Bearer ` + about + `, error="invalid_token"` + metadata},
		{"DPoP not taken", "/any", []string{"Authorization: DPoP " + token}, 401, `Bearer ` + about + `, error="invalid_token"` + metadata},
	} {
		stand.log.Reset()
		answer := stand.ask("GET", test.target, test.headers...)
		if answer.Code != test.status || strings.Join(answer.Header().Values("WWW-Authenticate"), "\n") != test.challenge {
			t.Errorf("%s: %d %q", test.name, answer.Code, answer.Header().Values("WWW-Authenticate"))
		}
		if answer.Code == 200 && answer.Body.String() != bearertest.ClientID {
			t.Errorf("%s: claims of %q", test.name, answer.Body)
		}
		if answer.Code == 401 && answer.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the refusal may be stored", test.name)
		}
		logged := stand.log.String()
		if (answer.Code == 200) != (logged == "") || strings.Contains(logged, token) || strings.Contains(answer.Body.String(), token) {
			t.Errorf("%s: logged %q, answered %q", test.name, logged, answer.Body)
		}
	}
}

func TestRequireWithoutAuthenticate(t *testing.T) {
	handler := bearer.Require("profile:read")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let through") }))
	for _, ctx := range []context.Context{t.Context(), bearer.WithClaims(t.Context(), &bearer.Claims{Scope: "profile:read"})} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		if answer.Code != http.StatusInternalServerError {
			t.Errorf("answered %d", answer.Code)
		}
	}
}

func TestPlaces(t *testing.T) {
	claims := &bearer.Claims{OrgID: "org_1", Scope: "a:x b:x c:x d:x e:x", AuthorizationDetails: []bearer.AuthorizationDetail{
		{Type: "a", Actions: []string{"x"}, Places: bearer.Places{Workspaces: []string{"ws_1"}}},
		{Type: "a", Actions: []string{"x"}, Places: bearer.Places{AllWorkspacesOf: []string{"acc_1"}}},
		{Type: "b", Actions: []string{"x"}, Places: bearer.Places{Accounts: []string{"acc_1"}}},
		{Type: "c", Actions: []string{"x"}, Places: bearer.Places{Org: true}},
		{Type: "d", Actions: []string{"x"}, Places: bearer.Places{Installation: true}},
		{Type: "e", Actions: []string{"y"}, Places: bearer.Places{Installation: true}},
		{Type: "f", Actions: []string{"x"}, Places: bearer.Places{Installation: true}},
	}}
	for _, test := range []struct {
		permission string
		place      bearer.Place
		want       bool
	}{
		{"a:x", bearer.Place{Workspace: "ws_1"}, true},
		{"a:x", bearer.Place{Workspace: "ws_2"}, false},
		{"a:x", bearer.Place{Workspace: "ws_2", WorkspaceAccount: "acc_1"}, true},
		{"a:x", bearer.Place{Workspace: "ws_2", WorkspaceAccount: "acc_2"}, false},
		{"a:x", bearer.Place{Account: "acc_1"}, false},
		{"a:x", bearer.Place{}, false},
		{"b:x", bearer.Place{Account: "acc_1"}, true},
		{"b:x", bearer.Place{Account: "acc_2"}, false},
		{"b:x", bearer.Place{Workspace: "ws_1", WorkspaceAccount: "acc_1"}, false},
		{"c:x", bearer.Place{Org: "org_1"}, true},
		{"c:x", bearer.Place{Org: "org_2"}, false},
		{"c:x", bearer.Place{Account: "acc_1"}, false},
		{"d:x", bearer.Place{Workspace: "ws_1"}, true},
		{"d:x", bearer.Place{}, false},
		{"e:x", bearer.Place{Org: "org_1"}, false},
		{"f:x", bearer.Place{Org: "org_1"}, false},
		{"a", bearer.Place{Workspace: "ws_1"}, false},
	} {
		if got := claims.AllowsIn(test.permission, test.place); got != test.want {
			t.Errorf("%s in %+v: %v", test.permission, test.place, got)
		}
	}
}

func TestDPoPMiddleware(t *testing.T) {
	var nonces bearer.Nonces
	stand := newStand(t, func(config *bearer.Config) {
		var err error
		if nonces, err = bearer.NewSealedNonces(bytes.Repeat([]byte{1}, 32), time.Minute, config.Now); err != nil {
			t.Fatal(err)
		}
		config.Origin = "https://API.example:443/v1/"
		config.Proofs, err = bearer.NewProofs(bearer.ProofsConfig{Nonces: nonces, Now: config.Now})
		if err != nil {
			t.Fatal(err)
		}
	})
	const url = "https://api.example/v1/any"
	const algs = `, algs="ES256 EdDSA Ed25519 RS256 PS256"`
	holder, other := stand.issuer.NewHolder(), stand.issuer.NewHolder()
	bound, plain := stand.issuer.Token(bearertest.BoundTo(holder)), stand.issuer.Token()
	nonce := nonces.Next()
	good := holder.Proof("GET", url, bound, nonce)
	challenge := func(scheme, code string) []string {
		text := scheme + ` realm="https://api.example"`
		if code != "" {
			text += `, error="` + code + `"`
		}
		if scheme == "DPoP" {
			text += algs
		}
		return []string{text}
	}
	for _, test := range []struct {
		name      string
		headers   []string
		status    int
		challenge []string
	}{
		{"no nonce", []string{"Authorization: DPoP " + bound, "DPoP: " + holder.Proof("GET", url, bound, "")}, 401, challenge("DPoP", "use_dpop_nonce")},
		{"nonce of somebody else", []string{"Authorization: DPoP " + bound, "DPoP: " + holder.Proof("GET", url, bound, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")}, 401, challenge("DPoP", "use_dpop_nonce")},
		{"good", []string{"Authorization: dpop " + bound, "DPoP: " + good}, 200, nil},
		{"again", []string{"Authorization: DPoP " + bound, "DPoP: " + good}, 401, challenge("DPoP", "invalid_dpop_proof")},
		{"query does not count", []string{"Authorization: DPoP " + bound, "DPoP: " + holder.Proof("GET", url+"?x=1#y", bound, nonce)}, 200, nil},
		{"no proof", []string{"Authorization: DPoP " + bound}, 401, challenge("DPoP", "invalid_dpop_proof")},
		{"two proofs", []string{"Authorization: DPoP " + bound, "DPoP: a", "DPoP: b"}, 401, challenge("DPoP", "invalid_dpop_proof")},
		{"other method", []string{"Authorization: DPoP " + bound, "DPoP: " + holder.Proof("POST", url, bound, nonce)}, 401, challenge("DPoP", "invalid_dpop_proof")},
		{"without the prefix", []string{"Authorization: DPoP " + bound, "DPoP: " + holder.Proof("GET", "https://api.example/any", bound, nonce)}, 401, challenge("DPoP", "invalid_dpop_proof")},
		{"other token", []string{"Authorization: DPoP " + bound, "DPoP: " + holder.Proof("GET", url, plain, nonce)}, 401, challenge("DPoP", "invalid_dpop_proof")},
		{"other key", []string{"Authorization: DPoP " + bound, "DPoP: " + other.Proof("GET", url, bound, nonce)}, 401, challenge("DPoP", "invalid_token")},
		{"bound, as a bearer token", []string{"Authorization: Bearer " + bound, "DPoP: " + holder.Proof("GET", url, bound, nonce)}, 401, challenge("Bearer", "invalid_token")},
		{"not bound, as if it were", []string{"Authorization: DPoP " + plain, "DPoP: " + holder.Proof("GET", url, plain, nonce)}, 401, challenge("DPoP", "invalid_token")},
		{"not bound", []string{"Authorization: Bearer " + plain}, 200, nil},
		{"no token", nil, 401, append(challenge("Bearer", ""), challenge("DPoP", "")...)},
	} {
		answer := stand.ask("GET", "http://attacker.example/any?z", test.headers...)
		if answer.Code != test.status || !slices.Equal(answer.Header().Values("WWW-Authenticate"), test.challenge) {
			t.Errorf("%s: %d %q\n%s", test.name, answer.Code, answer.Header().Values("WWW-Authenticate"), stand.log)
		}
		if wantNonce := answer.Code == 200 || strings.Contains(answer.Header().Get("WWW-Authenticate"), "dpop_"); wantNonce != (answer.Header().Get("DPoP-Nonce") == nonce) {
			t.Errorf("%s: the nonce is %q", test.name, answer.Header().Get("DPoP-Nonce"))
		}
	}
}

func TestCertificateBinding(t *testing.T) {
	stand := newStand(t, nil)
	certificate, other := &x509.Certificate{Raw: []byte("certificate")}, &x509.Certificate{Raw: []byte("other")}
	sum := sha256.Sum256(certificate.Raw)
	token := stand.issuer.Token(func(claims *bearer.Claims) {
		claims.Confirmation = &bearer.Confirmation{Certificate: base64.RawURLEncoding.EncodeToString(sum[:])}
	})
	unknown := stand.issuer.Token(func(claims *bearer.Claims) { claims.Confirmation = &bearer.Confirmation{} })
	for _, test := range []struct {
		name  string
		token string
		tls   *tls.ConnectionState
		want  int
	}{
		{"its certificate", token, &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate, other}}, 200},
		{"another", token, &tls.ConnectionState{PeerCertificates: []*x509.Certificate{other, certificate}}, 401},
		{"none", token, &tls.ConnectionState{}, 401},
		{"no TLS", token, nil, 401},
		{"bound in an unknown way", unknown, &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}, 401},
	} {
		request := httptest.NewRequest("GET", "/any", nil)
		request.Header.Set("Authorization", "Bearer "+test.token)
		request.TLS = test.tls
		answer := httptest.NewRecorder()
		stand.handler.ServeHTTP(answer, request)
		if answer.Code != test.want {
			t.Errorf("%s: %d\n%s", test.name, answer.Code, stand.log)
		}
	}
	// Behind a proxy the certificate is wherever the server knows it to be.
	proxied := newStand(t, func(config *bearer.Config) {
		config.Certificate = func(r *http.Request) *x509.Certificate {
			return &x509.Certificate{Raw: []byte(r.Header.Get("X-Certificate"))}
		}
	})
	token = proxied.issuer.Token(func(claims *bearer.Claims) {
		claims.Confirmation = &bearer.Confirmation{Certificate: bearer.CertificateThumbprint(certificate)}
	})
	for value, want := range map[string]int{"certificate": 200, "other": 401} {
		if answer := proxied.ask("GET", "/any", "Authorization: Bearer "+token, "X-Certificate: "+value); answer.Code != want {
			t.Errorf("%s from the proxy: %d", value, answer.Code)
		}
	}
}
