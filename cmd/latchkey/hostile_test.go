package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestHostileDeclarations puts what nobody should send in the place of every member of what is put and applied. Each is
// refused by a problem that names the member or is harmless, and never a fault of ours; and nothing of it is kept.
func TestHostileDeclarations(t *testing.T) {
	k, basic, _ := startContract(t)
	manage := k.token(t, basic, "")
	hostile := map[string]string{
		"a number": `7`, "a float": `1e400`, "a flag": `true`, "a list": `[[]]`, "an object": `{"a": {}}`, "NUL": `"a\u0000b"`,
		"bidi": `"\u202egro"`, "half a pair": `"\ud800"`, "a megabyte": `"` + strings.Repeat("x", 900_000) + `"`,
		"a deep list": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "a long list": `[` + strings.Repeat(`"x",`, 100_000) + `"x"]`,
		"a long list of objects": `[` + strings.Repeat(`{},`, 100_000) + `{}]`, "a control": `"\u001b[2J"`, "SQL": `"'; DROP TABLE apis; --"`,
	}
	const (
		tenant     = `{"level": "workspace", "name": "New", "parent_id": "acc_eu", "status": "active", "org_id": "org_example"%s}`
		permission = `{"key": "read", "name": "Read", "description": "", "sentence": ""}`
		api        = `{"name": "New", "description": "", "audience": "https://new.example", "level": "org", "choice": "many",
			"token_lifetime": 60, "grantable_by": ["admin"], "status": "active", "permissions": [` + permission + `]%s}`
		credential = `{"name": "New", "org_id": "org_example", "note": "", "owner": "", "status": "active", "token_lifetime": 0, "allowed_cidrs": [],
			"grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`
	)
	header := http.Header{"Authorization": {manage}, "Content-Type": {"application/json"}}
	for _, good := range []attempt{
		{"PUT", "/admin/v1/tenants/ws_new", "", header, fmt.Sprintf(tenant, "")},
		{"PUT", "/admin/v1/apis/new", "dry_run=true", header, fmt.Sprintf(api, "")},
		{"POST", "/admin/v1/apply", "dry_run=true", header, `{"tenants": [` + fmt.Sprintf(tenant, `, "id": "ws_new"`) + `],
			"apis": [` + fmt.Sprintf(api, `, "key": "new"`) + `], "credentials": [` + credential + `]}`},
	} {
		var body any
		if err := json.Unmarshal([]byte(good.body), &body); err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, member := range members(body, "") {
			for _, what := range slices.Sorted(maps.Keys(hostile)) {
				bad := good
				bad.body = strings.Replace(asJSON(t, replaced(body, "", member, "HERE")), `"HERE"`, hostile[what], 1)
				if k.refuses(t, bad, member+" as "+what) {
					refused++
				}
			}
		}
		if refused == 0 {
			t.Errorf("%s refused nothing", good.path)
		}
		t.Logf("%s %s refused %d", good.method, good.path, refused)
	}
}

// refuses makes an attempt and answers whether it was refused.
func (k *contract) refuses(t *testing.T, a attempt, what string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), a.method, k.url+a.path+"?"+a.query, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = a.header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct {
		Errors []struct{ Pointer string }
	}
	switch response.StatusCode {
	case http.StatusOK:
		return false
	case http.StatusCreated: // It was harmless; it must not be in the way of the next.
		k.do(t, http.StatusNoContent, attempt{"DELETE", a.path, "", attempt{header: a.header}.with("If-Match", "*").header, ""})
		return false
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if err := json.Unmarshal(text, &problem); err != nil || len(problem.Errors) == 0 || len(text) > 1<<20 {
			t.Errorf("%s %s, %s: an answer of %d bytes names nothing: %.300s", a.method, a.path, what, len(text), text)
		}
	case http.StatusConflict, http.StatusRequestEntityTooLarge:
	default:
		t.Errorf("%s %s, %s: %d %.300s", a.method, a.path, what, response.StatusCode, text)
	}
	return true
}

// members answers the pointers of everything in a JSON value.
func members(value any, at string) []string {
	var all []string
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			all = append(append(all, at+"/"+name), members(value[name], at+"/"+name)...)
		}
	case []any:
		for i, one := range value {
			all = append(append(all, fmt.Sprintf("%s/%d", at, i)), members(one, fmt.Sprintf("%s/%d", at, i))...)
		}
	}
	return all
}

// replaced answers a copy of the value with another in the place of the pointer.
func replaced(value any, at, pointer, by string) any {
	if at == pointer {
		return by
	}
	switch value := value.(type) {
	case map[string]any:
		changed := make(map[string]any, len(value))
		for name, one := range value {
			changed[name] = replaced(one, at+"/"+name, pointer, by)
		}
		return changed
	case []any:
		changed := make([]any, len(value))
		for i, one := range value {
			changed[i] = replaced(one, fmt.Sprintf("%s/%d", at, i), pointer, by)
		}
		return changed
	default:
		return value
	}
}

// TestUnclearAuthorization: the management API tells whoever sends no token of both schemes, and takes no two.
func TestUnclearAuthorization(t *testing.T) {
	first := startWith(t, identity{})
	for name, test := range map[string]struct {
		headers    []string
		status     int
		challenges int
	}{
		"none":   {nil, http.StatusUnauthorized, 2},
		"two":    {[]string{"Bearer a", "Bearer b"}, http.StatusBadRequest, 0},
		"broken": {[]string{"Bearer a"}, http.StatusUnauthorized, 1},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, first.issuer+"/admin/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header["Authorization"] = test.headers
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if challenges := response.Header.Values("WWW-Authenticate"); response.StatusCode != test.status || len(challenges) != test.challenges {
			t.Errorf("%s: %s, %q", name, response.Status, challenges)
		}
	}
}
