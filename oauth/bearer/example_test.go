package bearer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// get asks a handler for a path with a token.
func get(handler http.Handler, path, token string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("GET", path, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

// A resource server with net/http: one middleware for all routes, and beside each route what it requires.
func Example() {
	issuer := bearertest.Start() // In your program: the URL of your Latchkey.
	defer issuer.Close()

	verifier, err := bearer.New(bearer.Config{
		Issuer: issuer.URL, Audience: "https://api.example", Status: &bearer.StatusConfig{}, Now: issuer.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	workspace := func(r *http.Request) string { return r.PathValue("workspace") }
	accountOf := func(_ context.Context, workspace string) (string, error) { return "acc_eu", nil } // From your database.
	profiles := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "profiles for %s", bearer.FromContext(r.Context()).ClientID)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /workspaces/{workspace}/profiles",
		bearer.Require("profile:read", bearer.In(workspace), bearer.AccountOf(accountOf))(profiles))
	handler := verifier.Authenticate(mux)

	reader := issuer.Token(bearertest.Allow("profile:read", bearer.Places{AllWorkspacesOf: []string{"acc_eu"}}))
	elsewhere := issuer.Token(bearertest.Allow("profile:read", bearer.Places{Workspaces: []string{"ws_us"}}))
	writer := issuer.Token(bearertest.Allow("events:write", bearer.Places{Workspaces: []string{"ws_eu"}}))
	for _, token := range []string{reader, elsewhere, writer, ""} {
		answer := get(handler, "/workspaces/ws_eu/profiles", token)
		fmt.Printf("%d %s\n%s\n", answer.Code, strings.TrimSpace(answer.Body.String()), answer.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 200 profiles for cid_test
	//
	// 404 404 page not found
	//
	// 403 Forbidden
	// Bearer realm="https://api.example", error="insufficient_scope", scope="profile:read"
	// 401 Unauthorized
	// Bearer realm="https://api.example"
}

// Whoever holds a DPoP key presents its tokens with a proof for each request.
func ExampleProofs() {
	issuer := bearertest.Start()
	defer issuer.Close()

	proofs, err := bearer.NewProofs(bearer.ProofsConfig{Now: issuer.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	config := issuer.Config()
	config.Proofs, config.Origin = proofs, "https://api.example"
	verifier, err := bearer.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := issuer.NewHolder()
	token := issuer.Token(bearertest.BoundTo(client))

	request := httptest.NewRequest("GET", "/profiles?page=2", nil)
	request.Header.Set("Authorization", "DPoP "+token)
	request.Header.Set("DPoP", client.Proof("GET", "https://api.example/profiles", token, ""))
	claims, err := verifier.VerifyRequest(request)
	fmt.Println(claims.ClientID, err)

	_, err = verifier.VerifyRequest(request)
	fmt.Println(err)
	_, err = verifier.Verify(context.Background(), token)
	fmt.Println(err)
	// Output:
	// cid_test <nil>
	// invalid DPoP proof: used before
	// invalid token: bound to a DPoP key, presented as a bearer token
}

// What a credential loses ends its outstanding tokens.
func ExampleStatusConfig() {
	issuer := bearertest.Start()
	defer issuer.Close()

	verifier, err := bearer.New(issuer.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	token := issuer.Token()
	_, err = verifier.Verify(context.Background(), token)
	fmt.Println(err)

	issuer.SetStatus(bearertest.ClientID, bearer.StatusSuspended)
	issuer.Advance(10e9) // Ten seconds, the ttl of its lists.
	_, err = verifier.Verify(context.Background(), token)
	fmt.Println(err)
	// Output:
	// <nil>
	// invalid token: its credential is inactive
}
