// Package bearer is what a resource server imports to accept Latchkey's access tokens.
//
// A token is a JWT as RFC 9068 writes it: signed by the authorization server, verified here without asking
// anybody, against the public keys of a [KeySource]. [Verifier.Verify] answers the token's [Claims] or an error
// wrapping [ErrInvalidToken]; what the claims allow is then read from [Claims.Allows].
//
// The package imports go-jose and the standard library only, and nothing else of Latchkey, so that a program
// which merely verifies tokens links no web framework and no SQL driver.
package bearer
