package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// TestWithoutProvider holds that the server starts and serves while the provider is away, and that a sign-in is then
// refused at once, in words.
func TestWithoutProvider(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	here := startWith(t, identity{}, "LATCHKEY_OIDC_ISSUER="+away.URL, "LATCHKEY_OIDC_CLIENT_ID=latchkey",
		"LATCHKEY_OIDC_ROLE=groups:a=admin,groups:b=viewer@org_example", "LATCHKEY_OIDC_NAME=People & <Co>")
	k := newContract(t, here.issuer)
	page, _ := k.do(t, http.StatusOK, attempt{"GET", "/console/", "", http.Header{}, ""})
	if !strings.Contains(string(page), `<meta name="oidc" content="People &amp; &lt;Co&gt;">`) {
		t.Errorf("the page does not name the provider:\n%s", page)
	}
	k.do(t, http.StatusServiceUnavailable, attempt{"GET", "/console/oidc/start", "", http.Header{}, ""})
	body, answered := k.do(t, http.StatusBadRequest, attempt{"GET", "/console/oidc/callback", "code=c&state=s&to=https://evil.example", http.Header{}, ""})
	if answered.Get("Location") != "" || strings.Contains(string(body), "evil") {
		t.Errorf("a made-up answer leads to %q: %s", answered.Get("Location"), body)
	}
}

// people is an OpenID Connect provider that says what it is told to.
type people struct {
	*httptest.Server
	claims atomic.Pointer[map[string]any] // Of the next ID token; nil while it is broken.
}

func newPeople(t *testing.T) *people {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := new(people)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims := p.claims.Load()
		if claims == nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		var answer any
		switch r.URL.Path {
		case "/jwks":
			answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}}
		case "/token":
			token, err := jwt.Signed(signer).Claims(*claims).Serialize()
			if err != nil {
				t.Error(err)
			}
			answer = map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": token}
		default:
			answer = map[string]any{
				"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
				"id_token_signing_alg_values_supported": []string{"ES256"},
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// upstream are the answers to those who sign in at another provider.
func (k *contract) upstream(t *testing.T) {
	people := newPeople(t)
	here := startWith(t, identity{}, "LATCHKEY_OIDC_ISSUER="+people.URL, "LATCHKEY_OIDC_CLIENT_ID=latchkey",
		"LATCHKEY_OIDC_ROLE=groups:admins=admin")
	other := newContract(t, here.issuer)
	other.seen = k.seen
	start := attempt{"GET", "/console/oidc/start", "", http.Header{}, ""}
	other.do(t, http.StatusServiceUnavailable, start) // The provider is broken, and that is not remembered.

	// come signs in with these claims, and answers the headers of the last answer.
	come := func(want int, more map[string]any, parameters url.Values) http.Header {
		t.Helper()
		people.claims.Store(&map[string]any{})
		_, sent := other.do(t, http.StatusSeeOther, start)
		to, err := url.Parse(sent.Get("Location"))
		if err != nil || !strings.HasPrefix(to.String(), people.URL+"/auth?") || to.Query().Get("redirect_uri") != here.issuer+"/console/oidc/callback" {
			t.Fatalf("the browser is sent to %q", to)
		}
		claims := map[string]any{
			"iss": people.URL, "aud": "latchkey", "sub": "ada", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
			"nonce": to.Query().Get("nonce"), "email": "ada@people.example", "name": "Ada", "groups": []string{"admins"},
		}
		for name, value := range more {
			claims[name] = value
		}
		if people.claims.Store(&claims); more["broken"] == true {
			people.claims.Store(nil)
		}
		query := url.Values{"state": {to.Query().Get("state")}, "code": {"c"}}
		for name := range parameters {
			query.Set(name, parameters.Get(name))
		}
		set := sent.Get("Set-Cookie")
		if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") {
			t.Errorf("the browser keeps %s", set)
		}
		flow, _, _ := strings.Cut(set, ";")
		_, answered := other.do(t, want, attempt{"GET", "/console/oidc/callback", query.Encode(), http.Header{"Cookie": {flow}}, ""})
		return answered
	}
	in := come(http.StatusSeeOther, nil, nil)
	if in.Get("Location") != here.issuer+"/console/" {
		t.Errorf("who is signed in is sent to %q", in.Get("Location"))
	}
	var session string
	for _, set := range in.Values("Set-Cookie") {
		if strings.HasPrefix(set, "latchkey=") && strings.Contains(set, "SameSite=Strict") {
			session, _, _ = strings.Cut(set, ";")
		}
	}
	me, _ := other.do(t, http.StatusOK, attempt{"GET", "/admin/v1/me", "", http.Header{"Cookie": {session}}, ""})
	if !strings.Contains(string(me), `"roles":["admin"]`) {
		t.Errorf("who is signed in is %s", me)
	}
	come(http.StatusForbidden, nil, url.Values{"error": {"access_denied"}})
	come(http.StatusBadGateway, map[string]any{"nonce": "other"}, nil)
	come(http.StatusBadRequest, nil, url.Values{"state": {"other"}})
	come(http.StatusServiceUnavailable, map[string]any{"broken": true}, nil)
	come(http.StatusForbidden, map[string]any{"groups": []string{"others"}, "sub": "eve", "email": "eve@people.example"}, nil)

	for _, step := range []string{"start", "callback"} {
		for range 2 * 20 { // Twice what one address may ask at once.
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, here.issuer+"/console/oidc/"+step, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultTransport.RoundTrip(request) // It goes nowhere else.
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}
		other.do(t, http.StatusTooManyRequests, attempt{"GET", "/console/oidc/" + step, "", http.Header{}, ""})
	}
}
