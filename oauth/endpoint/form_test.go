package endpoint

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/oauth"
)

func post(target, contentType, body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	request.Header.Set("Content-Type", contentType)
	return request
}

func TestReadForm(t *testing.T) {
	const encoded, inJSON = "application/x-www-form-urlencoded", "application/json"
	for name, test := range map[string]struct {
		target, contentType, body string
		want                      form // Nil for invalid_request.
	}{
		"form":                  {"/", encoded, "grant_type=client_credentials&scope=a+b", form{"grant_type": {"client_credentials"}, "scope": {"a b"}}},
		"form with charset":     {"/", encoded + "; charset=UTF-8", "a=1", form{"a": {"1"}}},
		"other charset":         {"/", encoded + "; charset=iso-8859-1", "a=1", nil},
		"JSON, other charset":   {"/", inJSON + ";charset=latin1", `{"a":"1"}`, nil},
		"no value is left out":  {"/", encoded, "a=&b", form{"a": {}, "b": {}}},
		"repeated resource":     {"/", encoded, "resource=x&resource=y", form{"resource": {"x", "y"}}},
		"JSON":                  {"/", inJSON, `{"scope":"a b","resource":["x","y"]}`, form{"scope": {"a b"}, "resource": {"x", "y"}}},
		"JSON details":          {"/", inJSON, `{"authorization_details":[{"type":"a"}]}`, form{"authorization_details": {`[{"type":"a"}]`}}},
		"JSON details as text":  {"/", inJSON, `{"authorization_details":"[]"}`, form{"authorization_details": {"[]"}}},
		"JSON details twice":    {"/", inJSON, `{"authorization_details":[{"a":1,"a":2}]}`, nil},
		"repeated":              {"/", encoded, "scope=a&scope=a", nil},
		"repeated without one":  {"/", encoded, "scope=a&scope=", nil},
		"query":                 {"/?scope=a", encoded, "a=1", nil},
		"empty query":           {"/?", encoded, "a=1", nil},
		"broken escape":         {"/", encoded, "scope=%zz", nil},
		"semicolon":             {"/", encoded, "a=1;b=2", nil},
		"not UTF-8":             {"/", encoded, "scope=%ff", nil},
		"no type":               {"/", "", "a=1", nil},
		"other type":            {"/", "text/plain", "a=1", nil},
		"multipart":             {"/", "multipart/form-data; boundary=x", "--x--", nil},
		"JSON array":            {"/", inJSON, `["a"]`, nil},
		"JSON number":           {"/", inJSON, `{"a":1}`, nil},
		"JSON null":             {"/", inJSON, `{"a":null}`, nil},
		"JSON nested":           {"/", inJSON, `{"a":[["b"]]}`, nil},
		"JSON repeated":         {"/", inJSON, `{"a":"1","a":"2"}`, nil},
		"JSON array of scopes":  {"/", inJSON, `{"scope":["a","b"]}`, nil},
		"JSON trailing garbage": {"/", inJSON, `{"a":"1"}{}`, nil},
		"JSON not UTF-8":        {"/", inJSON, "{\"a\":\"\xff\"}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			parameters, err := readForm(post(test.target, test.contentType, test.body), new(bytes.Buffer), "resource", "audience")
			if test.want == nil {
				var refusal *oauth.Error
				if !errors.As(err, &refusal) || refusal.Code != oauth.InvalidRequest {
					t.Fatalf("read %v, %v; want invalid_request", parameters, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, parameters); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadProof(t *testing.T) {
	basic := func(id, secret string) string {
		request := &http.Request{Header: http.Header{}}
		request.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return request.Header.Get("Authorization")
	}
	body := form{"client_id": {"me"}, "client_secret": {"mine"}}
	for name, test := range map[string]struct {
		authorization []string
		body          form
		id, secret    string
		code          oauth.Code
	}{
		"basic":                     {authorization: []string{basic("me", "mine")}, id: "me", secret: "mine"},
		"basic, needs encoding":     {authorization: []string{basic("a:b+c %", `s:"\é`)}, id: "a:b+c %", secret: `s:"\é`},
		"basic, scheme in any case": {authorization: []string{"bAsIc" + basic("me", "mine")[5:]}, id: "me", secret: "mine"},
		"basic, same client_id":     {authorization: []string{basic("me", "mine")}, body: form{"client_id": {"me"}}, id: "me", secret: "mine"},
		"post":                      {body: body, id: "me", secret: "mine"},
		"both":                      {authorization: []string{basic("me", "mine")}, body: body, code: oauth.InvalidRequest},
		"basic, other client_id":    {authorization: []string{basic("me", "mine")}, body: form{"client_id": {"you"}}, code: oauth.InvalidRequest},
		"two headers":               {authorization: []string{basic("me", "mine"), basic("me", "mine")}, code: oauth.InvalidRequest},
		"nothing":                   {code: oauth.InvalidClient},
		"id alone":                  {body: form{"client_id": {"me"}}, code: oauth.InvalidClient},
		"secret alone":              {body: form{"client_secret": {"mine"}}, code: oauth.InvalidClient},
		"bearer":                    {authorization: []string{"Bearer x"}, code: oauth.InvalidClient},
		"no base64":                 {authorization: []string{"Basic !"}, code: oauth.InvalidClient},
		"no colon":                  {authorization: []string{"Basic bWU="}, code: oauth.InvalidClient},
		"broken escape":             {authorization: []string{"Basic bWU6JXp6"}, code: oauth.InvalidClient},
		"assertion":                 {body: form{"client_assertion": {"x"}}, code: oauth.InvalidClient},
		"assertion of another type": {body: form{"client_assertion": {"x"}, "client_assertion_type": {"saml"}}, code: oauth.InvalidClient},
		"assertion and secret":      {body: form{"client_assertion": {"x"}, "client_assertion_type": {oauth.AssertionType}, "client_secret": {"s"}}, code: oauth.InvalidRequest},
		"assertion and basic":       {authorization: []string{basic("me", "mine")}, body: form{"client_assertion": {"x"}, "client_assertion_type": {oauth.AssertionType}}, code: oauth.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			request := post("/", "", "")
			request.Header["Authorization"] = test.authorization
			proof, err := readProof(request, test.body)
			if test.code != "" {
				var refusal *oauth.Error
				if !errors.As(err, &refusal) || refusal.Code != test.code {
					t.Fatalf("got %v; want %s", err, test.code)
				}
				return
			}
			if err != nil || proof.ClientID != test.id || proof.Secret.Reveal() != test.secret {
				t.Errorf("got %q %q, %v", proof.ClientID, proof.Secret.Reveal(), err)
			}
		})
	}
}

// FuzzReadForm: no body panics, and what is read holds each parameter once.
func FuzzReadForm(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "a=1&b=2")
	f.Add("application/json", `{"a":"1"}`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		parameters, err := readForm(post("/", contentType, body), new(bytes.Buffer))
		for name, values := range parameters {
			if err == nil && len(values) > 1 {
				t.Errorf("%q stands %d times", name, len(values))
			}
		}
	})
}

// FuzzReadBasic: no header panics, every refusal is the one answer to who proves nothing, and what is read is what
// RFC 6749 §2.3.1 would write for it.
func FuzzReadBasic(f *testing.F) {
	f.Add("Basic bWU6c2VjcmV0")
	f.Add("basic  bWUlM0FpdDolMkI6Og==")
	f.Add("Basic bWU6JXp6")
	f.Add("Bearer bWU6")
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, err := readBasic(header)
		if err != nil {
			if refusal, ok := errors.AsType[*oauth.Error](err); !ok || refusal.Code != oauth.InvalidClient {
				t.Errorf("%q is refused by %v", header, err)
			}
			return
		}
		again := post("/", "", "")
		again.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		if gotID, gotSecret, err := readBasic(again.Header.Get("Authorization")); gotID != id || gotSecret != secret || err != nil {
			t.Errorf("%q is read as %q %q, and that as %q %q, %v", header, id, secret, gotID, gotSecret, err)
		}
	})
}
