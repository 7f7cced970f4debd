// Package bearertest is a local issuer for the tests of programs that accept Latchkey's tokens with package bearer.
//
//	func TestProfile(t *testing.T) {
//		issuer := bearertest.New(t)
//		verifier, err := bearer.New(issuer.Config())
//		…
//		token := issuer.Token(bearertest.Allow("profile:read", bearer.Places{Workspaces: []string{"ws_1"}}))
//		request.Header.Set("Authorization", "Bearer "+token)
//		…
//		issuer.SetStatus(bearertest.ClientID, bearer.StatusSuspended) // From now on its tokens are refused.
//	}
//
// The issuer listens on a loopback address and nothing leaves the machine. Its clock stands still until it is told
// to advance. It publishes metadata, keys, a status list and a deny list as Latchkey does.
package bearertest
