// Package upstream signs people in at another provider, by OpenID Connect: the authorization code flow with PKCE, a
// state, a nonce and the check of the issuer (RFC 9700 §2.1, RFC 9207). It says who came, and which roles that
// provider's words are worth here; package admin decides what becomes of them.
package upstream
