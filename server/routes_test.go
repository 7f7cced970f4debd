package server

import (
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestIssuerWithPath holds that an issuer below a path has everything there, but for the health checks and the
// metadata, which RFC 8414 §3.1 puts before the path.
func TestIssuerWithPath(t *testing.T) {
	engine, err := (&Server{config: Config{Issuer: "https://host.example/auth"}}).routes()
	if err != nil {
		t.Fatal(err)
	}
	served := make(map[string]bool)
	for _, route := range engine.Routes() {
		served[route.Method+" "+route.Path] = true
	}
	for _, want := range []string{
		"POST /auth" + oauth.TokenPath, "GET /auth" + oauth.JWKSPath, "GET /auth" + oauth.MetadataPath,
		"GET " + oauth.MetadataPath + "/auth", "GET /auth/admin/v1/credentials", "GET /livez", "GET /readyz",
	} {
		if !served[want] {
			t.Errorf("%s is not served", want)
		}
	}
}
