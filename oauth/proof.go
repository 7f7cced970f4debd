package oauth

import "net/netip"

// Proof is what a request presents to prove that it comes from a client.
type Proof struct {
	ClientID string
	Method   AuthMethod
	// Secret is the presented text, for AuthSecret.
	Secret Plaintext
	// Assertion is the presented JWT, for AuthPrivateKeyJWT.
	Assertion string
	// DPoP are the values of the DPoP header: the proof of a key that tokens are to be bound to (RFC 9449 §5).
	DPoP []string
	// From is the address the request came from.
	From netip.Addr
}
