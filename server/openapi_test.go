package server

import (
	"regexp"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-auth/latchkey/admin/console"
)

// TestOpenAPIRoutes holds the routes against openapi.yaml; cmd/latchkey holds what they answer against it.
func TestOpenAPIRoutes(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	// Handlers are only named here, never called, so they need nothing to work with.
	engine, err := (&Server{config: Config{Issuer: "http://issuer.example", Console: new(console.Console)}}).routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range engine.Routes() {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(route.Path, "{$1}")
		served = append(served, route.Method+" "+path)
	}
	for _, route := range served {
		if !slices.Contains(described, route) {
			t.Errorf("%s is served, but not in openapi.yaml", route)
		}
	}
	for _, route := range described {
		if !slices.Contains(served, route) {
			t.Errorf("%s is in openapi.yaml, but not served", route)
		}
	}
}
