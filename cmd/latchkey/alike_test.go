package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

// TestRefusedAlike: whoever fails to authenticate gets the same bytes, whatever it failed for and however it asked; but
// for the request's id and the date, headers and all.
func TestRefusedAlike(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db")
	root, ca := newAuthority(t)
	p := startProgram(t, database, "LATCHKEY_CLIENT_CERTS=header", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1/32", "LATCHKEY_CLIENT_CA="+ca)
	db, err := storage.Open(t.Context(), storage.Config{URL: database, MasterKey: []byte("0123456789abcdef0123456789abcdef"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := newManager(t, p.identity)
	m.do(t, http.StatusOK, "PUT", "/apis/custom-roles", `{"name": "Roles", "audience": "https://api.example.com", "level": "org",
		"choice": "one", "token_lifetime": 60, "permissions": [{"key": "admin", "name": "Administer"}]}`)
	m.do(t, http.StatusCreated, "PUT", "/tenants/org_shut", `{"level": "org", "name": "Shut"}`)

	type proof struct{ id, secret string }
	proofs := map[string]proof{"unknown": {"cid_unknown", "wrong"}}
	create := func(name, members string) proof {
		made := m.do(t, http.StatusCreated, "POST", "/credentials", fmt.Sprintf(`{"name": %q, %s}`, name, members))
		secret, _ := made["client_secret"].(string)
		proofs[name] = proof{made["client_id"].(string), secret}
		return proofs[name]
	}
	const grants = `, "grants": [{"api": "custom-roles", "permissions": ["admin"], "applies_to": {"org": true}}]`
	const ours = `"org_id": "org_example"` + grants
	right := create("right", ours)
	proofs["wrong secret"] = proof{right.id, "wrong"}
	inactive, deleted, ended := create("inactive", ours), create("deleted", ours), create("ended secret", ours)
	create("inactive org", `"org_id": "org_shut"`+grants)
	create("wrong network", ours+`, "allowed_cidrs": ["192.0.2.0/24"]`)
	byKey := create("wrong method", ours+`, "auth_method": "private_key_jwt", "jwks_uri": "https://client.example/jwks"`)
	proofs["wrong method"] = proof{byKey.id, "wrong"}
	m.do(t, http.StatusOK, "POST", "/credentials/"+inactive.id+"/deactivate", "")
	m.do(t, http.StatusNoContent, "DELETE", "/credentials/"+deleted.id, "")
	m.do(t, http.StatusOK, "POST", "/tenants/org_shut/deactivate", "")
	err = db.UpdateClient(t.Context(), ended.id, func(client *oauth.Client) (*admin.Event, error) {
		client.Secrets[0].ExpiresAt = now().Add(-time.Second)
		return &admin.Event{ID: oauth.NewID("evt"), At: now(), Action: "test", Target: ended.id}, nil
	})
	if err != nil {
		t.Fatal(err)
	}

	ask := func(form url.Values, basic *proof, certificate ...*issued) string {
		t.Helper()
		form.Set("grant_type", "client_credentials")
		if !form.Has("scope") {
			form.Set("authorization_details", "nobody may learn that this is wrong")
		}
		request, err := http.NewRequestWithContext(t.Context(), "POST", p.issuer+oauth.TokenPath, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if basic != nil {
			request.SetBasicAuth(basic.id, basic.secret)
		}
		for _, own := range certificate {
			request.Header.Set("Client-Cert", ":"+base64.StdEncoding.EncodeToString(own.certificate.Raw)+":")
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"X-Request-Id", "Traceparent", "Date"} {
			response.Header.Del(name)
		}
		var text strings.Builder
		fmt.Fprintln(&text, response.Status)
		if err := response.Header.Write(&text); err != nil {
			t.Fatal(err)
		}
		text.Write(body)
		return text.String()
	}
	if got := ask(url.Values{}, &right); !strings.Contains(got, "invalid_authorization_details") {
		t.Fatalf("who does authenticate is answered\n%s", got)
	}
	delete(proofs, "right")
	want := ask(url.Values{}, &proof{"cid_unknown", "wrong"})
	if !strings.HasPrefix(want, "401") || !strings.Contains(want, `"invalid_client"`) {
		t.Fatalf("a stranger is answered\n%s", want)
	}
	for name, proof := range proofs {
		for how, got := range map[string]string{
			"Basic": ask(url.Values{}, &proof),
			"post":  ask(url.Values{"client_id": {proof.id}, "client_secret": {proof.secret}}, nil),
			"private_key_jwt": ask(url.Values{"client_id": {proof.id}, "client_assertion_type": {oauth.AssertionType},
				"client_assertion": {"eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl"}}, nil),
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-stranger +got):\n%s", name, how, diff)
			}
		}
	}
	refusedAlike := func(name, got string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-stranger +got):\n%s", name, diff)
		}
	}

	// Assertions that are all well signed, and certificates that are all of our authority.
	keys := newLever(t, p.identity)
	assert := func(client keyed, assertion string) string {
		return ask(url.Values{"client_id": {client.id}, "client_assertion_type": {oauth.AssertionType}, "client_assertion": {assertion}}, nil)
	}
	good, off, gone, other := keys.newKeyed(t), keys.newKeyed(t), keys.newKeyed(t), keys.newKeyed(t)
	m.do(t, http.StatusOK, "POST", "/credentials/"+off.id+"/deactivate", "")
	m.do(t, http.StatusNoContent, "DELETE", "/credentials/"+gone.id, "")
	stranger := keyed{"cid_unknown", other.private}
	used := good.assert(t, oneIssuer)
	if got := assert(good, used); !strings.Contains(got, "invalid_authorization_details") {
		t.Fatalf("who does authenticate by a key is answered\n%s", got)
	}
	use := func() string {
		return ask(url.Values{"client_id": {good.id}, "client_assertion_type": {oauth.AssertionType}, "client_assertion": {used}, "scope": {""}}, nil)
	}
	if got := use(); !strings.HasPrefix(got, "200") {
		t.Fatalf("who does authenticate by a key, and asks rightly, is answered\n%s", got)
	}
	refusedAlike("key: unknown client", assert(stranger, stranger.assert(t, oneIssuer)))
	refusedAlike("key: inactive client", assert(off, off.assert(t, oneIssuer)))
	refusedAlike("key: deleted client", assert(gone, gone.assert(t, oneIssuer)))
	refusedAlike("key: another client's", assert(good, keyed{good.id, other.private}.assert(t, oneIssuer)))
	refusedAlike("key: client of a secret", assert(keyed{id: right.id}, keyed{right.id, other.private}.assert(t, oneIssuer)))
	refusedAlike("key: expired", assert(good, good.assertUntil(t, oneIssuer, time.Now().Add(-time.Minute))))
	refusedAlike("key: for another server", assert(good, good.assert(t, "https://other.example")))
	refusedAlike("key: used before", use())

	own, expired := root.issue(t, forClient("client.example")), forClient("client.example")
	expired.NotAfter = time.Now().Add(-time.Minute)
	show := func(id string, certificate ...*issued) string {
		return ask(url.Values{"client_id": {id}}, nil, certificate...)
	}
	const certified = `"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "client.example"`
	shown, dark, lost := m.newCertified(t, "Shown", certified), m.newCertified(t, "Dark", certified), m.newCertified(t, "Lost", certified)
	m.do(t, http.StatusOK, "POST", "/credentials/"+dark+"/deactivate", "")
	m.do(t, http.StatusNoContent, "DELETE", "/credentials/"+lost, "")
	if got := show(shown, own); !strings.Contains(got, "invalid_authorization_details") {
		t.Fatalf("who does authenticate by a certificate is answered\n%s", got)
	}
	refusedAlike("certificate: unknown client", show("cid_unknown", own))
	refusedAlike("certificate: inactive client", show(dark, own))
	refusedAlike("certificate: deleted client", show(lost, own))
	refusedAlike("certificate: client of a secret", show(right.id, own))
	refusedAlike("certificate: another name", show(shown, root.issue(t, forClient("other.example"))))
	refusedAlike("certificate: expired", show(shown, root.issue(t, expired)))
	refusedAlike("certificate: another authority", show(shown, (*issued)(nil).issue(t, forClient("client.example"))))
}
