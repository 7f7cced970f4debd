package upstream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/admin/upstream"
)

// provider answers what each test tells it to, however wrong.
type provider struct {
	*httptest.Server
	key *ecdsa.PrivateKey
	// claims are those of the next ID token, and token signs them.
	claims   map[string]any
	token    func(map[string]any) string
	userinfo map[string]any
	// challenge is the PKCE challenge that the code belongs to.
	challenge string
	namesIt   bool
}

func newProvider(t *testing.T) *provider {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, namesIt: true}
	p.token = func(claims map[string]any) string { return sign(t, key, claims) }
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(value); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
			"userinfo_endpoint": p.URL + "/me", "id_token_signing_alg_values_supported": []string{"ES256", "none"},
			"authorization_response_iss_parameter_supported": p.namesIt,
		})
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge || r.PostFormValue("code") != "good" {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		answer(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": p.token(p.claims)})
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.userinfo) })
	return p
}

func sign(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unsigned is a token with the algorithm "none" (RFC 8725 §2.1).
func unsigned(claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func client(t *testing.T, issuer string, at func() time.Time) *upstream.Provider {
	t.Helper()
	rule, err := upstream.ParseRoleRule("groups:latchkey-admins=admin")
	if err != nil {
		t.Fatal(err)
	}
	made, err := upstream.New(upstream.Config{
		Issuer: issuer, ClientID: "latchkey", ClientSecret: "s", Scopes: []string{"openid"}, Roles: []upstream.RoleRule{rule},
		RedirectURL: "https://here.example/console/oidc/callback", Key: make([]byte, 32), Now: at,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// begin starts a sign-in, and answers what the provider would answer if all were well.
func (p *provider) begin(t *testing.T, client *upstream.Provider) (answer url.Values, flow string) {
	t.Helper()
	location, flow, err := client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sent, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	query := sent.Query()
	if query.Get("code_challenge_method") != "S256" || query.Get("response_type") != "code" {
		t.Errorf("the browser is sent to %s", location)
	}
	p.challenge = query.Get("code_challenge")
	p.claims = map[string]any{
		"iss": p.URL, "aud": "latchkey", "sub": "ada", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"nonce": query.Get("nonce"), "email": "ada@people.example", "email_verified": true, "name": "Ada", "groups": []string{"latchkey-admins"},
	}
	return url.Values{"code": {"good"}, "state": {query.Get("state")}, "iss": {p.URL}}, flow
}

func TestSignIn(t *testing.T) {
	p := newProvider(t)
	client := client(t, p.URL, time.Now)
	answer, flow := p.begin(t, client)
	person, err := client.Finish(t.Context(), answer, flow)
	if err != nil {
		t.Fatal(err)
	}
	if person.Subject != "ada" || person.Issuer != p.URL || person.Email != "ada@people.example" || len(person.Roles) != 1 || person.Roles[0].Role != admin.RoleAdmin {
		t.Errorf("%+v came", person)
	}

	// What the ID token does not say, the userinfo may.
	answer, flow = p.begin(t, client)
	delete(p.claims, "groups")
	delete(p.claims, "email")
	p.userinfo = map[string]any{"sub": "ada", "email": "other@people.example", "groups": "latchkey-admins", "iss": "evil"}
	person, err = client.Finish(t.Context(), answer, flow)
	if err != nil || person.Email != "other@people.example" || len(person.Roles) != 1 || person.Issuer != p.URL {
		t.Errorf("%+v came (%v)", person, err)
	}
}

// TestHostileAnswers holds that nobody is signed in by an answer that is wrong in one thing alone.
func TestHostileAnswers(t *testing.T) {
	p := newProvider(t)
	client := client(t, p.URL, time.Now)
	claim := func(name string, value any) func(*testing.T, url.Values) {
		return func(*testing.T, url.Values) { p.claims[name] = value }
	}
	parameter := func(name, value string) func(*testing.T, url.Values) {
		return func(_ *testing.T, answer url.Values) { answer.Set(name, value) }
	}
	for name, test := range map[string]struct {
		spoil func(*testing.T, url.Values)
		want  error
	}{
		"another nonce":          {claim("nonce", "other"), upstream.ErrUntrusted},
		"no nonce":               {claim("nonce", nil), upstream.ErrUntrusted},
		"another audience":       {claim("aud", "other"), upstream.ErrUntrusted},
		"several audiences":      {claim("aud", []string{"latchkey", "other"}), upstream.ErrUntrusted},
		"another party":          {claim("azp", "other"), upstream.ErrUntrusted},
		"another issuer's token": {claim("iss", "https://other.example"), upstream.ErrUntrusted},
		"expired":                {claim("exp", time.Now().Add(-time.Minute).Unix()), upstream.ErrUntrusted},
		"no subject":             {claim("sub", ""), upstream.ErrUntrusted},
		"an unverified address":  {claim("email_verified", false), upstream.ErrUntrusted},
		"another access token":   {claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), upstream.ErrUntrusted},
		"no signature":           {func(*testing.T, url.Values) { p.token = unsigned }, upstream.ErrUntrusted},
		"no ID token":            {func(*testing.T, url.Values) { p.token = func(map[string]any) string { return "" } }, upstream.ErrUntrusted},
		"another's userinfo":     {func(*testing.T, url.Values) { delete(p.claims, "email"); p.userinfo = map[string]any{"sub": "eve"} }, upstream.ErrUntrusted},
		"another's answer":       {parameter("iss", "https://other.example"), upstream.ErrUntrusted},
		"nobody's answer":        {func(_ *testing.T, answer url.Values) { answer.Del("iss") }, upstream.ErrUntrusted},
		"another state":          {parameter("state", "other"), upstream.ErrForeign},
		"no state":               {parameter("state", ""), upstream.ErrForeign},
		"two states":             {func(_ *testing.T, answer url.Values) { answer.Add("state", answer.Get("state")) }, upstream.ErrForeign},
		"another code":           {parameter("code", "stolen"), upstream.ErrRefused},
		"a person who says no":   {parameter("error", "access_denied"), upstream.ErrRefused},
		"another sign-in's code": {func(*testing.T, url.Values) { p.challenge = "other" }, upstream.ErrRefused},
		"another's key": {func(t *testing.T, _ url.Values) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			p.token = func(claims map[string]any) string { return sign(t, key, claims) }
		}, upstream.ErrUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			p.token = func(claims map[string]any) string { return sign(t, p.key, claims) }
			answer, flow := p.begin(t, client)
			test.spoil(t, answer)
			if person, err := client.Finish(t.Context(), answer, flow); !errors.Is(err, test.want) {
				t.Errorf("%+v came (%v)", person, err)
			}
		})
	}
}

// TestOneBrowserOneShortWhile holds that an answer is worth nothing in another browser, or too late.
func TestOneBrowserOneShortWhile(t *testing.T) {
	p := newProvider(t)
	at := time.Now()
	client := client(t, p.URL, func() time.Time { return at })
	answer, flow := p.begin(t, client)
	_, other := p.begin(t, client)
	tampered := []byte(flow)
	tampered[len(tampered)/2] ^= 1
	for name, flow := range map[string]string{"another browser's": other, "none": "", "a tampered one": string(tampered)} {
		if _, err := client.Finish(t.Context(), answer, flow); !errors.Is(err, upstream.ErrForeign) {
			t.Errorf("with %s: %v", name, err)
		}
	}
	at = at.Add(upstream.Lifetime)
	if _, err := client.Finish(t.Context(), answer, flow); !errors.Is(err, upstream.ErrForeign) {
		t.Errorf("too late: %v", err)
	}
}

func TestProviderDown(t *testing.T) {
	p := newProvider(t)
	client := client(t, p.URL, time.Now)
	answer, flow := p.begin(t, client)
	p.Close()
	if _, err := client.Finish(t.Context(), answer, flow); !errors.Is(err, upstream.ErrUnreachable) {
		t.Errorf("while a sign-in is under way: %v", err)
	}
	if _, _, err := newClientOf(t, p.URL).Start(t.Context()); !errors.Is(err, upstream.ErrUnreachable) {
		t.Errorf("at the start: %v", err)
	}
}

func newClientOf(t *testing.T, issuer string) *upstream.Provider { return client(t, issuer, time.Now) }

func TestRoleRules(t *testing.T) {
	for text, want := range map[string]upstream.RoleRule{
		"groups:latchkey-admins=admin":     {Claim: "groups", Value: "latchkey-admins", RoleAssignment: admin.RoleAssignment{Role: admin.RoleAdmin}},
		"groups:a:b=c=viewer@org_x":        {Claim: "groups", Value: "a:b=c", RoleAssignment: admin.RoleAssignment{Role: admin.RoleViewer, OrgID: "org_x"}},
		"https://a.example/roles:x=viewer": {Claim: "https://a.example/roles", Value: "x", RoleAssignment: admin.RoleAssignment{Role: admin.RoleViewer}},
	} {
		if got, err := upstream.ParseRoleRule(text); err != nil || got != want {
			t.Errorf("%s is %+v (%v)", text, got, err)
		}
	}
	for _, text := range []string{"", "groups", "groups=admin", ":x=admin", "groups:=admin", "groups:x", "groups:x=king", "groups:x=admin@", "https://a.example=admin"} {
		if got, err := upstream.ParseRoleRule(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
