package oauth

import (
	"crypto/x509"
	"net/netip"
)

// Proof is what a request presents to prove that it comes from a client.
type Proof struct {
	ClientID string
	Method   AuthMethod
	// Secret is the presented text, for AuthSecret.
	Secret Plaintext
	// For AuthPrivateKeyJWT, whose proofs NewAssertionProof alone makes: the JWT, or why it cannot be read.
	assertion  *assertion
	unreadable error
	// Certificates are those that came with the request, the client's own first: its possession was proven in TLS.
	// The Method AuthTLS stands for AuthSelfSignedTLS too, for a request does not say which it is.
	Certificates []*x509.Certificate
	// DPoP are the values of the DPoP header: the proof of a key that tokens are to be bound to (RFC 9449 §5).
	DPoP []string
	// From is the address the request came from.
	From netip.Addr
}
