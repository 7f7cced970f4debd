// Package bearer is what a resource server imports to accept Latchkey's access tokens.
//
//	verifier, err := bearer.New(bearer.Config{
//		Issuer:   "https://auth.example",
//		Audience: "https://api.example",
//		Status:   &bearer.StatusConfig{},
//	})
//	…
//	workspace := func(r *http.Request) string { return r.PathValue("workspace") }
//	mux.Handle("GET /workspaces/{workspace}/profiles", bearer.Require("profile:read", bearer.In(workspace))(profiles))
//	http.ListenAndServe(address, verifier.Authenticate(mux))
//
// A token is a JWT as RFC 9068 writes it: signed by the authorization server and verified here without asking
// anybody, by the public keys of a [KeySource]: those of the issuer, which [Keys] fetches, keeps and renews.
// [Verifier.Authenticate] accepts a request's token, [Require] asks for a permission and the place where it must
// hold, and [FromContext] answers the token's [Claims]. Servers that do not speak net/http call
// [Verifier.VerifyPresented] and [Claims.AllowsIn]; the examples show gin and gRPC.
//
// A token may be bound to a key. One that is bound to a DPoP key (RFC 9449) is accepted only with a proof by that
// key, which [Proofs] verifies, and one that is bound to a client certificate (RFC 8705 §3) only with that
// certificate.
//
// # The kill switch
//
// With a [StatusConfig] a token can end before it expires. Its status claim names a place in the issuer's status list
// (draft-ietf-oauth-status-list), which says whether its credential is still in force. A token that was revoked by
// itself is named in the deny list, a JWT at the issuer's URL followed by [DenyListPath]:
//
//	{"typ": "denylist+jwt", "alg": …, "kid": …}
//	{
//	  "iss": the issuer,
//	  "iat": when it was made, in seconds since the epoch,
//	  "exp": until when it may be used at all,
//	  "ttl": for how many seconds it may be kept before a newer one is asked for,
//	  "jtis": ["…"], the ids of the tokens that were revoked and have not expired
//	}
//
// Both lists are signed by the issuer's keys, and are read while requests come: the last fifth of a list's time, the
// next one is fetched in the background; after it, requests wait for that. So whatever the issuer's lists say is
// obeyed within StatusConfig.MaxAge, a minute by default, or within the list's own ttl if that is less. What happens
// when the issuer cannot be reached is the choice of StatusConfig.FailOpen.
//
// The package imports go-jose and the standard library only, and nothing else of Latchkey, so that a program
// which merely verifies tokens links no web framework and no SQL driver. Package bearertest has a local issuer for
// the tests of such programs.
package bearer
