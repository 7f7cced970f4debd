package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// The operator that the document's examples make up.
const exampleOperator = "opr_Wq81nZx0Yw4Rt9Lp3Ns8"

// ofSessions reports whether the operation is how a person comes and goes, which needs no token.
func ofSessions(o operation) bool {
	return o.path == "/admin/v1/session" || o.path == "/admin/v1/password" || strings.HasPrefix(o.path, "/console/oidc/")
}

// ofAccounts reports whether the operation is what a person does about itself.
func ofAccounts(o operation) bool {
	return strings.HasPrefix(o.path, "/admin/v1/me/") || o.path == "/admin/v1/sessions"
}

// accounts are the answers to what an operator does about itself.
func (k *contract) accounts(t *testing.T, manage string) {
	const old, password = "correct horse battery", "another horse battery"
	id, token := k.createOperator(t, manage, `{"email": "una@example.com", "name": "Una", "roles": [{"role": "viewer", "org_id": null}]}`)
	person := http.Header{"Cookie": {k.signIn(t, "una@example.com", token)}, "Content-Type": {"application/json"}}
	call := func(want int, method, path string, body map[string]string) (answer []byte, header http.Header) {
		text := ""
		if body != nil {
			text = asJSON(t, body)
		}
		return k.do(t, want, attempt{method, "/admin/v1" + path, "", person, text})
	}
	enter := func(want int, password, code string) {
		_, header := call(want, "POST", "/session", map[string]string{"email": "una@example.com", "password": password, "code": code})
		cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
		person.Set("Cookie", cookie)
	}

	call(422, "POST", "/me/password", map[string]string{"current_password": "wrong", "password": password})
	call(204, "POST", "/me/password", map[string]string{"current_password": old, "password": password})
	call(401, "GET", "/me", nil)
	enter(201, password, "")
	call(200, "GET", "/me/second-factor", nil)
	answer, _ := call(200, "POST", "/me/second-factor", nil)
	var offer struct{ Key string }
	if err := json.Unmarshal(answer, &offer); err != nil {
		t.Fatal(err)
	}
	// A code is taken in the half minute before its own and after it: these stay right if the next one begins.
	now := time.Now()
	code := func(steps int) string {
		code, err := totp.GenerateCode(offer.Key, now.Add(time.Duration(30*steps)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	call(422, "PUT", "/me/second-factor", map[string]string{"key": offer.Key, "code": "none", "password": password})
	answer, _ = call(200, "PUT", "/me/second-factor", map[string]string{"key": offer.Key, "code": code(0), "password": password})
	var kept struct {
		Codes []string `json:"recovery_codes"`
	}
	if err := json.Unmarshal(answer, &kept); err != nil {
		t.Fatal(err)
	}
	call(204, "DELETE", "/sessions", nil)
	call(401, "GET", "/me", nil)
	enter(401, password, "")
	enter(401, password, code(0)) // It was used to enrol.
	enter(201, password, code(1))
	call(422, "POST", "/me/second-factor/remove", map[string]string{"password": password, "code": code(1)})
	call(204, "POST", "/me/second-factor/remove", map[string]string{"password": password, "code": kept.Codes[0]})
	for range 5 {
		call(422, "POST", "/me/second-factor/remove", map[string]string{"password": "wrong", "code": ""})
	}
	call(429, "POST", "/me/second-factor/remove", map[string]string{"password": password, "code": ""})
	call(429, "PUT", "/me/second-factor", map[string]string{"key": offer.Key, "code": code(1), "password": password})
	call(429, "POST", "/me/password", map[string]string{"current_password": password, "password": old})
	k.do(t, 204, attempt{"DELETE", "/admin/v1/operators/" + id, "", http.Header{"Authorization": {manage}, "If-Match": {"*"}}, ""})
}

// createOperator makes an operator.
func (k *contract) createOperator(t *testing.T, manage, body string) (id, token string) {
	header := http.Header{"Authorization": {manage}, "Content-Type": {"application/json"}}
	answer, _ := k.do(t, http.StatusCreated, attempt{"POST", "/admin/v1/operators", "", header, body})
	var created struct {
		ID    string `json:"id"`
		Token string `json:"password_token"`
	}
	if err := json.Unmarshal(answer, &created); err != nil {
		t.Fatal(err)
	}
	return created.ID, created.Token
}

// signIn lets an operator set a password and sign in, and answers the cookie.
func (k *contract) signIn(t *testing.T, email, token string) string {
	const password = "correct horse battery"
	header := http.Header{"Content-Type": {"application/json"}}
	k.do(t, http.StatusNoContent, attempt{"POST", "/admin/v1/password", "", header, asJSON(t, map[string]string{"token": token, "password": password})})
	_, answered := k.do(t, http.StatusCreated, attempt{"POST", "/admin/v1/session", "", header, asJSON(t, map[string]string{"email": email, "password": password})})
	cookie, _, _ := strings.Cut(answered.Get("Set-Cookie"), ";")
	return cookie
}

// people are the answers to operators and their sessions that the examples of the document do not lead to. It answers
// the cookie of a session that lasts.
func (k *contract) people(t *testing.T, basic string) (manage, cookie string) {
	const path = "/admin/v1/operators"
	manage = k.token(t, basic, "")
	program := http.Header{"Authorization": {manage}, "If-Match": {"*"}, "Content-Type": {"application/json"}}
	guest, _ := k.createOperator(t, manage, `{"email": "guest@example.com", "name": "Guest", "roles": [{"role": "viewer", "org_id": "org_example"}]}`)
	k.do(t, http.StatusConflict, attempt{"POST", path, "", program, `{"email": "guest@example.com", "name": "Other", "roles": [{"role": "viewer"}]}`})
	_, first := k.do(t, http.StatusOK, attempt{"GET", path, "limit=1", program, ""})
	if first.Get("Link") == "" {
		t.Error("the list of operators has one page")
	}
	root, token := k.createOperator(t, manage, `{"email": "root@example.com", "name": "Root", "roles": [{"role": "admin", "org_id": null}]}`)
	k.do(t, http.StatusConflict, attempt{"PATCH", path + "/" + guest, "", program, `{"email": "root@example.com"}`})
	cookie = k.signIn(t, "root@example.com", token)

	// Without a program that could replace it, the last admin must stay.
	person := http.Header{"Cookie": {cookie}, "If-Match": {"*"}, "Content-Type": {"application/json"}}
	k.do(t, http.StatusOK, attempt{"GET", "/admin/v1/me", "", person, ""})
	k.do(t, http.StatusOK, attempt{"POST", "/admin/v1/credentials/cid_first/deactivate", "", person, ""})
	k.do(t, http.StatusConflict, attempt{"PATCH", path + "/" + root, "", person, `{"roles": [{"role": "viewer"}]}`})
	k.do(t, http.StatusConflict, attempt{"POST", path + "/" + root + "/deactivate", "", person, ""})
	k.do(t, http.StatusConflict, attempt{"DELETE", path + "/" + root, "", person, ""})
	k.do(t, http.StatusOK, attempt{"POST", "/admin/v1/credentials/cid_first/activate", "", person, ""})
	removal := attempt{"DELETE", path + "/" + guest, "", program, ""}
	k.do(t, http.StatusUnauthorized, removal) // What was issued before the deactivation stays ended.
	manage = k.token(t, basic, "")
	k.do(t, http.StatusNoContent, removal.with("Authorization", manage))

	// Never a token and a session at once, nor a change by a page of another origin.
	k.do(t, http.StatusBadRequest, attempt{"GET", "/admin/v1/me", "", http.Header{"Cookie": {cookie}, "Authorization": {manage}}, ""})
	foreign := attempt{"POST", "/admin/v1/session", "", http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"cross-site"}}, ""}
	k.do(t, http.StatusForbidden, foreign)
	foreign.method = "DELETE"
	k.do(t, http.StatusForbidden, foreign)

	anonymous := http.Header{"Content-Type": {"application/json"}}
	for _, call := range []struct {
		want         int
		method, path string
		query, body  string
	}{
		{400, "POST", "/session", "", `{"mail": "x"}`},
		{400, "POST", "/password", "", `{"token": 1}`},
		{400, "DELETE", "/session", "nonsense=1", ""},
		{413, "POST", "/session", "", strings.Repeat(" ", 1<<20+1)},
		{413, "POST", "/password", "", strings.Repeat(" ", 1<<20+1)},
		{422, "POST", "/password", "", `{"token": "lkp_none", "password": "correct horse battery"}`},
		{401, "POST", "/session", "", `{"email": "eve@example.com", "password": "short"}`},
		{401, "POST", "/session", "", `{"email": "eve@example.com", "password": "2"}`},
		{401, "POST", "/session", "", `{"email": "eve@example.com", "password": "3"}`},
		{401, "POST", "/session", "", `{"email": "EVE@example.com", "password": "4"}`},
		{401, "POST", "/session", "", `{"email": "eve@example.com", "password": ""}`},
		{429, "POST", "/session", "", `{"email": "Eve@example.com", "password": "6"}`},
		{204, "DELETE", "/session", "", ""},
	} {
		k.do(t, call.want, attempt{call.method, "/admin/v1" + call.path, call.query, anonymous, call.body})
	}
	anonymous.Set("Content-Type", "text/plain")
	k.do(t, http.StatusUnsupportedMediaType, attempt{"POST", "/admin/v1/session", "", anonymous, "{}"})
	k.do(t, http.StatusUnsupportedMediaType, attempt{"POST", "/admin/v1/password", "", anonymous, "{}"})

	export := http.Header{"Authorization": {manage}, "Accept": {"application/jsonl"}}
	k.do(t, http.StatusOK, attempt{"GET", "/admin/v1/events", "from=2001-01-01T00:00:00Z&action=operator.created&org_id=org_example", export, ""})
	k.do(t, http.StatusBadRequest, attempt{"GET", "/admin/v1/events", "limit=1", export, ""})
	k.do(t, http.StatusBadRequest, attempt{"GET", "/admin/v1/events", "to=yesterday", export, ""})
	return manage, cookie
}

// TestEveryRefusalLeavesAnEvent calls every operation that can be forbidden, each in the name of another credential
// that may do nothing: no use case can forget the trail.
func TestEveryRefusalLeavesAnEvent(t *testing.T) {
	k, basic, _ := startContract(t)
	manage := k.token(t, basic, "")
	forbidden := 0
	for _, o := range k.operations() {
		if o.Responses.Status(http.StatusForbidden) == nil || ofSessions(o) {
			continue
		}
		forbidden++
		id, nobody := k.nobody(t, manage, o.OperationID)
		refused, want := k.attempts(t, o, nobody)[0], http.StatusForbidden
		if strings.Contains(refused.path, "/cid_") || strings.Contains(refused.path, "/opr_") {
			want = http.StatusNotFound // Examples of nobody: what is not within the org is nowhere.
		}
		k.do(t, want, refused)
		answer, _ := k.do(t, http.StatusOK, attempt{"GET", "/admin/v1/events", "actor=" + id, http.Header{"Authorization": {manage}}, ""})
		var trail struct {
			Data []struct{ Action, Target string }
		}
		if err := json.Unmarshal(answer, &trail); err != nil {
			t.Fatal(err)
		}
		if len(trail.Data) != 1 || !strings.HasSuffix(trail.Data[0].Action, "_refused") {
			t.Errorf("%s was refused, and left %+v", o.OperationID, trail.Data)
		}
	}
	if forbidden < 20 {
		t.Errorf("only %d operations can be forbidden", forbidden)
	}
}

// TestOtherOriginsCannotUseASession: a browser sends the cookie with whatever a page asks for, so a change must not come
// from a page of another origin.
func TestOtherOriginsCannotUseASession(t *testing.T) {
	k, basic, _ := startContract(t)
	manage := k.token(t, basic, "")
	_, token := k.createOperator(t, manage, `{"email": "root@example.com", "name": "Root", "roles": [{"role": "admin"}]}`)
	cookie := k.signIn(t, "root@example.com", token)
	for _, test := range []struct {
		method, path, header, value string
		want                        int
	}{
		{"POST", "/credentials/cid_first/deactivate", "Sec-Fetch-Site", "cross-site", http.StatusForbidden},
		{"POST", "/credentials/cid_first/deactivate", "Sec-Fetch-Site", "same-site", http.StatusForbidden},
		{"POST", "/credentials/cid_first/deactivate", "Origin", "https://evil.example", http.StatusForbidden},
		{"POST", "/credentials/cid_first/deactivate", "Origin", "null", http.StatusForbidden},
		{"GET", "/credentials/cid_first", "Sec-Fetch-Site", "cross-site", http.StatusOK},
		{"POST", "/credentials/cid_first/activate", "Sec-Fetch-Site", "same-origin", http.StatusOK},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, k.url+"/admin/v1"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Cookie", cookie)
		request.Header.Set(test.header, test.value)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s %s with %s: %s was answered %s", test.method, test.path, test.header, test.value, response.Status)
		}
	}
	k.token(t, basic, "") // It was never deactivated.
}

// nobody makes a credential that may do nothing but read keys, and answers its token.
func (k *contract) nobody(t *testing.T, manage, name string) (id, token string) {
	id, secret := k.create(t, manage, asJSON(t, map[string]any{
		"name": name, "org_id": "org_example",
		"grants": []any{map[string]any{"api": "latchkey", "permissions": []string{"keys:read"}, "applies_to": map[string]bool{"org": true}}},
	}))
	return id, k.token(t, basicOf(id, secret), "")
}
