package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// contract is openapi.yaml, and a server that must keep it.
type contract struct {
	document *openapi3.T
	router   routers.Router
	url      string
	// examples puts what the server has really made in the place of what the document's examples make up.
	examples *strings.Replacer
	seen     map[string]bool // "GET /admin/v1/me 200"
	// flush stores what the server has gathered in memory.
	flush func(*testing.T)
}

func newContract(t *testing.T, url string) *contract {
	document, err := openapi3.NewLoader().LoadFromFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	document.Servers = nil // The one under test stands in none of the document's places.
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	return &contract{document: document, router: router, url: url, examples: strings.NewReplacer(), seen: make(map[string]bool)}
}

// attempt is a request to be made.
type attempt struct {
	method, path, query string
	header              http.Header
	body                string
}

// with answers the attempt with one header changed; an empty value removes it.
func (a attempt) with(name, value string) attempt {
	a.header = a.header.Clone()
	a.header.Del(name)
	if value != "" {
		a.header.Set(name, value)
	}
	return a
}

// operation is one of the document's.
type operation struct {
	method, path string
	*openapi3.Operation
	parameters openapi3.Parameters
}

// success is the status of the operation's good answer.
func (o operation) success() int {
	for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusAccepted} {
		if o.Responses.Status(status) != nil {
			return status
		}
	}
	return http.StatusNoContent
}

func (k *contract) operations() []operation {
	var all []operation
	for _, path := range k.document.Paths.InMatchingOrder() {
		item := k.document.Paths.Value(path)
		for method, described := range item.Operations() {
			parameters := slices.Concat(item.Parameters, described.Parameters)
			all = append(all, operation{method, path, described, parameters})
		}
	}
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method))
	})
	return all
}

// attempts answers the requests that the operation's examples describe, with this authorization: one for each
// example of a body, or one without a body.
func (k *contract) attempts(t *testing.T, o operation, authorization string) []attempt {
	path, header := o.path, http.Header{"Authorization": {authorization}}
	for _, parameter := range o.parameters {
		switch p := parameter.Value; {
		case p.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Name+"}", p.Example.(string))
		case p.Name == "If-Match":
			header.Set(p.Name, "*") // The version in the example is made up.
		}
	}
	plain := attempt{o.method, k.examples.Replace(path), "", header, ""}
	if o.RequestBody == nil {
		return []attempt{plain}
	}
	var all []attempt
	for mediaType, media := range o.RequestBody.Value.Content {
		values := []any{media.Example}
		for _, example := range media.Examples {
			values = append(values, example.Value.Value)
		}
		for _, value := range values {
			if value == nil {
				continue
			}
			filled := plain.with("Content-Type", mediaType)
			filled.body = k.examples.Replace(encode(t, mediaType, value))
			if strings.Contains(filled.body, "client_secret=") || strings.Contains(filled.body, `"client_secret":"lks_`) {
				filled = filled.with("Authorization", "") // It authenticates in the body.
			}
			all = append(all, filled)
		}
	}
	return all
}

func encode(t *testing.T, mediaType string, value any) string {
	if mediaType != "application/x-www-form-urlencoded" {
		return asJSON(t, value)
	}
	form := make(url.Values)
	for name, member := range value.(map[string]any) {
		values, repeated := member.([]any)
		if !repeated {
			values = []any{member}
		}
		for _, one := range values {
			form.Add(name, one.(string))
		}
	}
	return form.Encode()
}

// do makes the attempt and holds it against the document.
func (k *contract) do(t *testing.T, want int, a attempt) ([]byte, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), a.method, k.url+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	request.URL.RawQuery, request.Header = a.query, a.header.Clone()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %s", a.method, request.URL, response.StatusCode, want, body)
	}
	request.Body = io.NopCloser(strings.NewReader(a.body))
	for _, err := range k.breaches(t, request, response, body) {
		t.Errorf("%s %s: %d: %v\n%s", a.method, request.URL, response.StatusCode, err, body)
	}
	return body, response.Header
}

// breaches answers what of the exchange the document does not say, and notes what it has seen. What the server
// accepts the document must allow; what the server answers the document must describe.
func (k *contract) breaches(t *testing.T, request *http.Request, response *http.Response, body []byte) (errs []error) {
	route, parameters := k.route(t, request, response.StatusCode)
	k.seen[fmt.Sprintf("%s %s %d", route.Method, route.Path, response.StatusCode)] = true
	asked := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
			RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
		},
	}
	if response.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(t.Context(), asked); err != nil {
			errs = append(errs, fmt.Errorf("the server accepted what the document forbids: %w", err))
		}
	}
	answered := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Status: response.StatusCode, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: asked.Options,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), answered); err != nil {
		errs = append(errs, err)
	}
	// What openapi3filter does not look at.
	described := route.Operation.Responses.Status(response.StatusCode)
	switch {
	case described == nil:
		errs = append(errs, errors.New("the document does not name the status"))
	case len(described.Value.Content) == 0 && len(body) > 0:
		errs = append(errs, errors.New("the document describes no body"))
	case response.Header.Get("X-Request-Id") == "":
		errs = append(errs, errors.New("there is no X-Request-Id"))
	}
	return errs
}

// route finds the operation that a request asks for. What is none of the document's is answered by the components
// that the document describes such answers with.
func (k *contract) route(t *testing.T, request *http.Request, status int) (*routers.Route, map[string]string) {
	// The router takes /console and /console/ for the same, so a path that is in the document as it stands comes first.
	if item := k.document.Paths.Map()[request.URL.Path]; item != nil && item.GetOperation(request.Method) != nil {
		return &routers.Route{
			Spec: k.document, Path: request.URL.Path, PathItem: item, Method: request.Method, Operation: item.GetOperation(request.Method),
		}, nil
	}
	route, parameters, err := k.router.FindRoute(request)
	if err == nil {
		return route, parameters
	}
	name := map[int]string{http.StatusNotFound: "NotFound", http.StatusMethodNotAllowed: "MethodNotAllowed"}[status]
	if strings.HasPrefix(request.URL.Path, "/oauth/") {
		name = "Token" + name
	}
	described := k.document.Components.Responses[name]
	if described == nil {
		t.Fatalf("%s %s: %v, and the document has no response %q", request.Method, request.URL.Path, err, name)
	}
	return &routers.Route{
		Spec: k.document, PathItem: &openapi3.PathItem{},
		Operation: &openapi3.Operation{Responses: openapi3.NewResponses(openapi3.WithStatus(status, described))},
	}, nil
}
