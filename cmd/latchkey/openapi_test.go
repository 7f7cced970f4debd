package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin/console"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
	"github.com/latchkey-auth/latchkey/server"
)

// The credential that the document's examples make up.
const (
	exampleID     = "cid_Lk05sWqe2RfD8yTb1XnA"
	exampleSecret = "lks_Vb2mQk7Zx0Yw4Rt9Lp3Ns8Hd6Jf1Gc5Ea2Ui7Ok9Pl4Mn0Tz3w"
	// The id of a secret stands in a path.
	exampleSecretID = "sec_Mw83kQzT0pYc5VbLr2Xh"
)

// TestOpenAPI makes every answer that openapi.yaml describes, but for a failure of ours, and holds it against the
// description.
func TestOpenAPI(t *testing.T) {
	k, basic, cut := startContract(t)
	manage := k.token(t, basic, "")
	// Tokens that hold none of what the operations ask for.
	others, keepers := k.token(t, basic, "latchkey:audit:read"), k.token(t, basic, "latchkey:keys:read latchkey:keys:write")
	nobody := func(o operation) string {
		if strings.HasPrefix(o.path, "/admin/v1/keys") {
			return others
		}
		return keepers
	}
	authorization := func(o operation) string {
		switch o.path {
		case oauth.TokenPath, oauth.IntrospectPath, oauth.RevokePath:
			return basic
		}
		return manage
	}

	// The examples of the document, in whose paths the credential made here takes the place of the made-up one.
	examples := k.document.Paths.Value("/admin/v1/credentials").Post.RequestBody.Value.Content["application/json"].Examples
	k.create(t, manage, asJSON(t, examples["full"].Value.Value))
	id, secret := k.create(t, manage, asJSON(t, examples["small"].Value.Value))
	operator, passwordToken := k.createOperator(t, manage, asJSON(t, k.document.Paths.Value("/admin/v1/operators").Post.
		RequestBody.Value.Content["application/json"].Example))
	k.signIn(t, "grace@example.com", passwordToken)
	k.examples = strings.NewReplacer(exampleID, id, exampleSecret, secret, exampleOperator, operator)
	k.screen(t)
	for _, o := range slices.Backward(k.operations()) { // Deactivated before it is activated.
		if slices.Contains(o.Tags, "console") || ofAccounts(o) {
			continue
		}
		switch o.OperationID {
		case "createCredential", "deleteCredential", "deleteTenant", "deleteAPI",
			"rotateSecret", "changeSecret", "stopSecret", "rotateKeys", "revokeKey",
			"createOperator", "deleteOperator", "createSession", "deleteSession", "setPassword":
			continue
		}
		for _, good := range k.attempts(t, o, authorization(o)) {
			k.do(t, o.success(), good)
		}
	}
	k.rotation(t, manage, id)

	// Every way to be refused, at every operation that the document says may refuse so.
	for _, o := range k.operations() {
		for _, good := range k.attempts(t, o, authorization(o)) {
			if good.header.Get("Authorization") == "" || ofSessions(o) || strings.HasPrefix(o.path, "/console/oidc/") {
				continue // It authenticates nobody, or in its body, which refusals leave alone.
			}
			for status, refused := range refusals(good, o.path, nobody(o)) {
				if status == http.StatusUnprocessableEntity && ofAccounts(o) {
					continue // To a program they are forbidden.
				}
				if o.Responses.Status(status) != nil {
					k.do(t, status, refused)
				}
			}
		}
	}

	k.particulars(t, manage, id)
	k.bound(t, manage)
	k.planting(t, manage)
	manage, cookie := k.people(t, basic)
	k.accounts(t, manage)
	k.ending(t, manage)
	k.rotating(t, manage)
	k.flood(t)
	k.upstream(t)

	cut()
	for _, o := range k.operations() {
		if o.Responses.Status(http.StatusServiceUnavailable) != nil && !slices.Contains(o.Tags, "console") {
			good := k.attempts(t, o, authorization(o))[0]
			if o.OperationID == "deleteSession" {
				good = good.with("Cookie", cookie)
			}
			k.do(t, http.StatusServiceUnavailable, good)
		}
	}

	for _, o := range k.operations() {
		for status := range o.Responses.Map() {
			if answer := o.method + " " + o.path + " " + status; status != "500" && !k.seen[answer] {
				t.Errorf("%s is in openapi.yaml, but was never seen", answer)
			}
		}
	}
}

// refusals answers what to change in a good request so that it is refused with each status.
func refusals(good attempt, template, nobody string) map[int]attempt {
	unknown, absent, empty, large, other := good, good, good, good, good
	unknown.query, other.query = "nonsense=1", "time=0"
	for _, segment := range strings.Split(template, "/") {
		if strings.HasPrefix(segment, "{") {
			absent.path = strings.ReplaceAll(template, segment, "none")
		}
	}
	if absent.path == good.path {
		absent.query = "parent=none"
	}
	empty.body, large.body = `{"name": ""}`, strings.Repeat(" ", 1<<20+1)
	switch {
	case template == "/admin/v1/apply":
		empty.body = `{"credentials": [{"name": ""}]}`
	case template == oauth.TokenPath, template == oauth.IntrospectPath, template == oauth.RevokePath:
		large.body = strings.Repeat(" ", 64<<10+1)
	case strings.HasSuffix(template, "/secrets"):
		empty.body = `{"overlap": -1, "expires_at": "2001-01-01T00:00:00Z"}`
	case strings.Contains(template, "/secret"):
		empty.body = `{}`
	case strings.HasSuffix(template, "/token-preview"):
		empty.body = `{"scope": "none:none profile:none", "resource": ["urn:none"], "from": "nowhere"}`
	case strings.HasSuffix(template, "/usage"):
		empty.body, empty.query = "", "days=91"
	}
	return map[int]attempt{
		http.StatusNotModified:           good.with("If-None-Match", "*"),
		http.StatusBadRequest:            unknown,
		http.StatusUnauthorized:          good.with("Authorization", "Basic bm86Ym9keQ=="),
		http.StatusForbidden:             good.with("Authorization", nobody),
		http.StatusNotFound:              absent,
		http.StatusNotAcceptable:         good.with("Accept", "text/html"),
		http.StatusNotImplemented:        other,
		http.StatusPreconditionFailed:    good.with("If-Match", `"999"`),
		http.StatusRequestEntityTooLarge: large,
		http.StatusUnsupportedMediaType:  good.with("Content-Type", "text/plain"),
		http.StatusUnprocessableEntity:   empty,
		http.StatusPreconditionRequired:  good.with("If-Match", ""),
	}
}

// particulars are the answers that the examples of the document do not lead to.
func (k *contract) particulars(t *testing.T, manage, id string) {
	header := http.Header{"Authorization": {manage}, "If-Match": {"*"}, "Content-Type": {"application/json"}}
	for _, call := range []struct {
		want                      int
		method, path, query, body string
	}{
		{422, "POST", "", "", `{"name": "Keys", "org_id": "org_example", "auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AA"}]}, "grants": [{"api": "profile", "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`},
		{201, "POST", "", "", `{"name": "Keys", "org_id": "org_example", "auth_method": "private_key_jwt", "jwks_uri": "https://keys.example/jwks.json", "grants": [{"api": "profile", "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`},
		{400, "POST", "/" + id + "/secrets", "", `{"overlap": "1"}`},
		{400, "POST", "/" + id + "/secrets", "", `{"overlap": 9223372036854775808}`},
		{422, "POST", "/" + id + "/secrets", "", `{"overlap": 9223372036854775807}`},
		{400, "POST", "/" + id + "/secrets", "", `{"expires_at": "tomorrow"}`},
		{422, "POST", "/" + id + "/secrets", "", `{"expires_at": "0001-01-01T00:00:00Z"}`},
		{422, "POST", "/" + id + "/secrets", "", `{"expires_at": "9999-12-31T23:59:59-23:00"}`},
		{404, "DELETE", "/" + id + "/secrets/%00%ff", "", ""},
		{404, "POST", "/%00/secrets", "", `{}`},
		{422, "PATCH", "/" + id, "", `{"auth_method": "private_key_jwt", "jwks": 1}`},
		{422, "PATCH", "/" + id, "", `{"auth_method": "private_key_jwt", "jwks": {"keys": [null, ` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `]}}`},
		{422, "PATCH", "/" + id, "", `{"auth_method": "private_key_jwt", "jwks_uri": "https://\u0000"}`},
		{422, "PATCH", "/" + id, "", `{"auth_method": null}`},
		{400, "PATCH", "/" + id, "", `{"auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "EC", "kty": "RSA"}]}}`},
		{201, "POST", "", "", `{"name": "TLS", "org_id": "org_example", "auth_method": "tls_client_auth", "tls_client_auth_san_uri": "spiffe://example/client", "grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`},
		{422, "POST", "", "", `{"name": "TLS", "auth_method": "tls_client_auth", "tls_client_auth_san_ip": "::x", "tls_client_auth_san_dns": "*.example", "grants": []}`},
		{422, "PATCH", "/" + id, "", `{"auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "nonsense"}`},
		{422, "PATCH", "/" + id, "", `{"auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "x5c": ["!"]}]}}`},
		{422, "PATCH", "/" + id, "", `{"tls_client_auth_san_email": "a@example.com"}`},
		{200, "POST", "", "dry_run=true", `{"name": "Trial", "org_id": "org_example", "grants": [{"api": "profile", "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`},
		{200, "PATCH", "/" + id, "dry_run=true", `{"note": "Trial"}`},
		{409, "PATCH", "/" + id, "", `{"name": "Nightly export"}`},
		{409, "POST", "", "", `{"name": "Nightly export", "org_id": "org_example", "grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`},
		{400, "POST", "", "", `{"name": "A", "name": "B"}`},
		{400, "POST", "", "", `{"surname": "A"}`},
		{400, "POST", "", "", `{"name": 1}`},
		{400, "POST", "", "", `{`},
		{400, "POST", "", "", ``},
		{422, "POST", "", "", `{"name": "A", "grants": [{"api": "none"}], "allowed_cidrs": ["x"], "secret_expires_at": "2001-01-01T00:00:00Z"}`},
		{200, "GET", "", "status=active&org_id=org_example&sort=-created_at&q=fraud&limit=500", ""},
		{200, "GET", "", "api=profile&permission=profile:read&where=ws_eu_prod&unused_for=1&secret_expires_within=9&attention=unused&sort=-last_used_at", ""},
		{200, "GET", "/" + id + "/usage", "days=90", ""},
		{200, "POST", "/" + id + "/token-preview", "", `{"scope": "profile:read"}`},
		{400, "GET", "", "limit=0", ""},
		{400, "GET", "", "permission=profile", ""},
		{400, "GET", "", "unused_for=0", ""},
		{400, "GET", "", "secret_expires_within=3651", ""},
		{400, "GET", "", "attention=all", ""},
		{400, "GET", "", "sort=note", ""},
		{400, "GET", "", "cursor=none", ""},
		{200, "GET", "/../tenants", "parent=acc_eu", ""},
		{200, "GET", "/../tenants", "q=prod", ""},
		{404, "GET", "/../nothing", "", ""},
		{405, "PUT", "/" + id, "", ""},
		{404, "POST", "/../../../oauth/nothing", "", ""},
		{405, "GET", "/../../../oauth/token", "", ""},
	} {
		path, err := url.JoinPath("/admin/v1/credentials", call.path)
		if err != nil {
			t.Fatal(err)
		}
		k.do(t, call.want, attempt{call.method, path, call.query, header, call.body})
	}

	// What the attempts above have done by now is stored before it is shown.
	k.flush(t)
	k.do(t, http.StatusOK, attempt{"GET", "/admin/v1/credentials/" + id + "/usage", "", header, ""})
	k.do(t, http.StatusOK, attempt{"GET", "/admin/v1/credentials", "sort=last_used_at", header, ""})
	for _, list := range []string{"credentials", "tenants", "events", "credentials/" + id + "/events"} {
		query := "limit=1"
		if list == "tenants" {
			query += "&q=prod"
		}
		_, first := k.do(t, http.StatusOK, attempt{"GET", "/admin/v1/" + list, query, header, ""})
		next, err := url.Parse(strings.TrimSuffix(strings.TrimPrefix(first.Get("Link"), "<"), `>; rel="next"`))
		if err != nil {
			t.Fatal(err)
		}
		k.do(t, http.StatusOK, attempt{"GET", next.Path, next.RawQuery, header, ""})
	}
}

// planting makes, breaks and deletes a part of the tree and of the catalogue.
func (k *contract) planting(t *testing.T, manage string) {
	header := http.Header{"Authorization": {manage}, "Content-Type": {"application/json"}}
	seen := attempt{header: header}.with("If-Match", "*").header
	first := attempt{header: header}.with("If-None-Match", "*").header
	const api = `{"name": "Orders", "audience": "https://orders.example.com", "level": "workspace", "choice": "many",
		"token_lifetime": 60, "permissions": [{"key": "read", "name": "Read"}%s]}`
	const write = `, {"key": "write", "name": "Write"}`
	const workspace = `{"level": "workspace", "name": "EU Test", "parent_id": "acc_eu"}`
	for _, call := range []struct {
		want                      int
		method, path, query, body string
		header                    http.Header
	}{
		{201, "PUT", "tenants/ws_eu_test", "", workspace, first},
		{412, "PUT", "tenants/ws_eu_test", "", workspace, first},
		{409, "PUT", "tenants/ws_eu_other", "", workspace, header},
		{422, "PUT", "tenants/ws_eu_test", "", `{"level": "workspace", "name": "EU Test", "parent_id": "acc_us"}`, seen},
		{400, "PUT", "tenants/ws_eu_test", "", workspace, attempt{header: header}.with("If-None-Match", `"1"`).header},
		{200, "PUT", "apis/orders", "dry_run=true", fmt.Sprintf(api, write), header},
		{201, "PUT", "apis/orders", "", fmt.Sprintf(api, write), header},
		{201, "POST", "credentials", "", `{"name": "Orders", "org_id": "org_example",
			"grants": [{"api": "orders", "permissions": ["write"], "applies_to": {"workspaces": ["ws_eu_test"]}}]}`, header},
		{409, "DELETE", "tenants/ws_eu_test", "", "", seen},
		{409, "DELETE", "tenants/acc_eu", "", "", seen},
		{409, "DELETE", "apis/orders", "", "", seen},
		{409, "PUT", "apis/orders", "", fmt.Sprintf(api, ""), seen},
		{409, "POST", "apply", "", `{"apis": [{"key": "orders", ` + strings.TrimPrefix(fmt.Sprintf(api, ""), "{") + `]}`, header},
		{200, "PUT", "apis/orders", "force=true&dry_run=true", fmt.Sprintf(api, ""), seen},
		{200, "PUT", "apis/orders", "force=true", fmt.Sprintf(api, ""), seen},
		{204, "DELETE", "apis/orders", "", "", seen},
		{204, "DELETE", "tenants/ws_eu_test", "", "", seen},
		{409, "PUT", "apis/latchkey", "", fmt.Sprintf(api, ""), seen},
		{409, "DELETE", "apis/latchkey", "", "", seen},
		{409, "POST", "apis/latchkey/activate", "", "", header},
		{409, "POST", "apis/latchkey/deactivate", "", "", header},
		{200, "POST", "apply", "dry_run=true", `{"tenants": [{"id": "org_new", "level": "org", "name": "New"}]}`, header},
		{422, "POST", "apply", "", `{"tenants": [{"id": "?"}], "apis": [{"key": "?"}], "credentials": [{"name": ""}]}`, header},
	} {
		k.do(t, call.want, attempt{call.method, "/admin/v1/" + call.path, call.query, call.header, call.body})
	}
}

// rotation takes a credential's secrets through their life. It leaves the credential with the secret it began with.
func (k *contract) rotation(t *testing.T, manage, id string) {
	path := "/admin/v1/credentials/" + id + "/secrets"
	header := http.Header{"Authorization": {manage}, "Content-Type": {"application/json"}, "Idempotency-Key": {"3f6f1c58b2d94c0e"}}
	rotate := attempt{"POST", path, "", header, `{"overlap": 3600, "expires_at": "2099-01-01T00:00:00Z"}`}
	answer, _ := k.do(t, http.StatusCreated, rotate)
	var fresh struct {
		ID       string `json:"id"`
		Previous struct {
			ID string `json:"id"`
		} `json:"previous"`
	}
	if err := json.Unmarshal(answer, &fresh); err != nil {
		t.Fatal(err)
	}
	if again, headers := k.do(t, http.StatusCreated, rotate); string(again) != string(answer) || headers.Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated, the rotation answers %s", again)
	}
	other := rotate
	other.body = `{}`
	k.do(t, http.StatusUnprocessableEntity, other)
	k.do(t, http.StatusBadRequest, rotate.with("Idempotency-Key", "short"))
	header = http.Header{"Authorization": {manage}, "Content-Type": {"application/json"}, "If-Match": {"*"}}
	k.do(t, http.StatusConflict, attempt{"POST", path, "", header, `{}`})
	k.do(t, http.StatusConflict, attempt{"PATCH", path + "/" + fresh.ID, "", header, `{"stops_at": "2098-01-01T00:00:00Z"}`})
	k.do(t, http.StatusUnprocessableEntity, attempt{"PATCH", path + "/" + fresh.Previous.ID, "", header, `{"stops_at": "2098-01-01T00:00:00Z"}`})
	k.do(t, http.StatusOK, attempt{"PATCH", path + "/" + fresh.Previous.ID, "", header, `{"stops_at": "` + now().Add(time.Hour).Format(time.RFC3339) + `"}`})
	k.do(t, http.StatusOK, attempt{"GET", path, "", header, ""})
	k.do(t, http.StatusNoContent, attempt{"DELETE", path + "/" + fresh.ID, "", header, ""})
	k.do(t, http.StatusConflict, attempt{"DELETE", path + "/" + fresh.Previous.ID, "", header, ""})
	k.examples = strings.NewReplacer(exampleID, id, exampleSecretID, fresh.Previous.ID, exampleOperator, k.examples.Replace(exampleOperator))
}

// flood reports secrets, and asks for tokens with a wrong one, from one address until the server has had enough.
func (k *contract) flood(t *testing.T) {
	header := http.Header{"Content-Type": {"application/json"}, "X-Forwarded-For": {"192.0.2.7"}}
	report := attempt{"POST", "/admin/v1/secrets/report", "", header, `{"secret": "guess"}`}
	for range 10 {
		k.do(t, http.StatusAccepted, report)
	}
	k.do(t, http.StatusTooManyRequests, report)

	header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-For": {"192.0.2.7"}}
	guess := attempt{"POST", oauth.TokenPath, "", header, "grant_type=client_credentials&client_id=cid_flood&client_secret=guess"}
	for range 100 {
		k.do(t, http.StatusUnauthorized, guess)
	}
	for _, path := range []string{oauth.TokenPath, oauth.IntrospectPath, oauth.RevokePath} {
		guess.path = path
		guess.body = "token=x&client_id=cid_flood&client_secret=guess"
		k.do(t, http.StatusTooManyRequests, guess)
	}
}

// ending lets a credential lose its only secret, and deletes it.
func (k *contract) ending(t *testing.T, manage string) {
	end := now().Add(time.Second)
	id, _ := k.create(t, manage, `{"name": "Short-lived", "org_id": "org_example", "secret_expires_at": "`+end.Format(time.RFC3339Nano)+`",
		"grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`)
	path, header := "/admin/v1/credentials/"+id, http.Header{"Authorization": {manage}}
	k.do(t, http.StatusOK, attempt{"POST", path + "/deactivate", "", header, ""})
	time.Sleep(time.Until(end))
	k.do(t, http.StatusConflict, attempt{"POST", path + "/activate", "", header, ""})
	header = http.Header{"Authorization": {manage}, "If-Match": {`"1", "2"`}, "Content-Type": {"application/json"}}
	k.do(t, http.StatusConflict, attempt{"PATCH", path, "", header, `{"status": "active"}`})
	k.do(t, http.StatusNoContent, attempt{"DELETE", path, "", header, ""})
	k.do(t, http.StatusNotFound, attempt{"GET", path, "", header, ""})
	k.do(t, http.StatusOK, attempt{"GET", path + "/events", "", header, ""})
}

// rotating rotates the signing keys twice, the second time too soon, and revokes the one that is next.
func (k *contract) rotating(t *testing.T, manage string) {
	header := http.Header{"Authorization": {manage}}
	time.Sleep(contractMaxAge)
	answer, _ := k.do(t, http.StatusAccepted, attempt{"POST", "/admin/v1/keys/rotations", "", header, ""})
	k.do(t, http.StatusConflict, attempt{"POST", "/admin/v1/keys/rotations", "", header, ""})
	var keys struct {
		Data []struct{ KID, State string }
	}
	if err := json.Unmarshal(answer, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys.Data {
		if key.State == string(oauth.KeyNext) {
			k.do(t, http.StatusOK, attempt{"POST", "/admin/v1/keys/" + key.KID + "/revoke", "", header, ""})
		}
	}
}

// token gets a token of the management API, ready for the Authorization header.
func (k *contract) token(t *testing.T, basic, scope string) string {
	header := http.Header{"Authorization": {basic}, "Content-Type": {"application/x-www-form-urlencoded"}}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	body, _ := k.do(t, http.StatusOK, attempt{"POST", oauth.TokenPath, "", header, form.Encode()})
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	return "Bearer " + answer.AccessToken
}

// create makes a credential.
func (k *contract) create(t *testing.T, manage, body string) (id, secret string) {
	header := http.Header{"Authorization": {manage}, "Content-Type": {"application/json"}}
	answer, _ := k.do(t, http.StatusCreated, attempt{"POST", "/admin/v1/credentials", "", header, body})
	var created struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(answer, &created); err != nil {
		t.Fatal(err)
	}
	return created.ID, created.Secret
}

func asJSON(t *testing.T, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// contractMaxAge is how long verifiers may keep the keys of the server under test.
const contractMaxAge = time.Second

// startContract serves as serve does, until the test ends or cut is called, which takes the database away.
func startContract(t *testing.T) (k *contract, basic string, cut func()) {
	listener := httptest.NewUnstartedServer(nil)
	t.Cleanup(listener.Close)
	const id, secretText = "cid_first", "pQ7xV2nK9sL4mT8wR3yB6zC1dF5gH0jJ"
	o := &options{
		Dev: true, Issuer: "http://" + listener.Listener.Addr().String(), TokenLifetimeMax: time.Hour, SecretOverlapMax: 7 * 24 * time.Hour, CachedClients: 100,
		DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db"), DatabaseMaxConns: 2, Migrate: true,
		BootstrapClientID: id, BootstrapClientSecret: secretText, SessionLifetime: time.Hour, SessionIdle: time.Hour,
		SigningAlg: jose.ES256, KeyRotationPeriod: 24 * time.Hour, JWKSMaxAge: contractMaxAge,
	}
	core, err := openCore(t.Context(), o, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(core.close)
	if err := setUp(t.Context(), o, core, io.Discard); err != nil {
		t.Fatal(err)
	}
	api, err := newAPI(o, core)
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler, err = server.New(server.Config{
		Issuer: o.Issuer, Endpoint: endpoint.New(core.issuer, o.JWKSMaxAge, endpoint.Limits{
			Timeout: 10 * time.Second, Backoff: endpoint.NewBackoff(func() time.Time { return time.Time{} }),
		}), API: api, Console: console.New(""), Ready: core.ready,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Metrics:        server.NewMetrics("test"), RequestTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inBackground(t.Context(), newNotary(core, slog.New(slog.DiscardHandler)).Run))
	listener.Start()
	k = newContract(t, o.Issuer)
	k.flush = func(t *testing.T) {
		if err := core.issuer.Ledger().Flush(t.Context(), core.db); err != nil {
			t.Fatal(err)
		}
	}
	return k, basicOf(id, secretText), core.close
}

func basicOf(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
