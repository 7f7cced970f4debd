package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Caller is a client that has proven itself.
type Caller struct {
	*Client
	// Secret is the secret it proved itself by; nil if it did so in another way.
	Secret *Secret
	// Key is the key that its tokens are to be bound to, proven but not yet spent; nil for none.
	Key *bearer.Proof
	// Certificate is the one it proved itself by, and that its tokens are bound to; nil for none.
	Certificate *x509.Certificate
	// From is the address it asked from.
	From netip.Addr

	// assertion is the one it proved itself by, not yet spent; nil for none.
	assertion *assertion
}

// Authenticate answers the client that the proof proves, as it is at this moment or later: a change that was
// committed before the call is always seen. Every refusal is the same invalid_client to the caller (RFC 6749
// §5.2), after the same work; only the private cause tells them apart. A client that has proven itself is told what
// is wrong with its DPoP proof. An error that is no [*Error] means that the question could not be answered.
//
// An assertion or a DPoP proof can be used once. It is used up by what the Caller then asks for, and only if nothing else
// is wrong with that.
func (i *Issuer) Authenticate(ctx context.Context, proof Proof) (Caller, error) {
	return i.authenticate(ctx, proof, i.judgeKey)
}

// Identify is Authenticate for a request that asks for no token, and so needs no proof of a key to bind it to.
func (i *Issuer) Identify(ctx context.Context, proof Proof) (Caller, error) {
	return i.authenticate(ctx, proof, func(*Client, []string) (*bearer.Proof, *Error) { return nil, nil })
}

func (i *Issuer) authenticate(
	ctx context.Context, proof Proof, judgeKey func(*Client, []string) (*bearer.Proof, *Error),
) (Caller, error) {
	client, err := i.store.Client(ctx, proof.ClientID)
	if errors.Is(err, ErrNotFound) {
		client = i.nobody
	} else if err != nil {
		return Caller{}, fmt.Errorf("looking up the client: %w", err)
	}

	var secret *Secret
	var refusal *Error
	switch proof.Method {
	case AuthPrivateKeyJWT:
		refusal = i.judgeAssertion(ctx, client, proof)
	case AuthTLS:
		refusal = i.judgeCertificate(ctx, client, proof.Certificates)
	default:
		secret, refusal = i.judgeSecret(client, proof.Secret)
	}
	switch {
	case client == i.nobody:
		return Caller{}, RefuseClient(errors.New("unknown client"))
	case client.AuthMethod != proof.Method && (client.AuthMethod != AuthSelfSignedTLS || proof.Method != AuthTLS):
		refusal = invalidClient(ReasonAuthMethod, "the client does not authenticate by "+string(proof.Method))
	case refusal == nil:
		if refusal = i.standing(client); refusal == nil && !client.MayAskFrom(proof.From) {
			refusal = notFrom(proof.From)
		}
	}
	var key *bearer.Proof
	if refusal == nil {
		key, refusal = judgeKey(client, proof.DPoP)
	}
	if refusal != nil {
		if err := i.store.Refused(ctx, client); err != nil {
			return Caller{}, fmt.Errorf("refusing a client: %w", err)
		}
		refusal.client, refusal.secret = client, secret
		return Caller{}, refusal
	}
	caller := Caller{Client: client, Secret: secret, Key: key, From: proof.From, assertion: proof.assertion}
	if proof.Method == AuthTLS {
		caller.Certificate = proof.Certificates[0]
	}
	return caller, nil
}

// judgeSecret answers the client's secret that was presented, and why it does not prove the client.
func (i *Issuer) judgeSecret(client *Client, presented Plaintext) (*Secret, *Error) {
	secret := client.secretOf(presented)
	switch {
	case secret == nil:
		return nil, invalidClient(ReasonSecret, "wrong secret")
	case !secret.Usable(i.now()):
		return secret, invalidClient(ReasonEndedSecret, "the secret ending in "+secret.Hint+" has expired or was stopped")
	default:
		return secret, nil
	}
}

// standing answers why a client is refused whatever it presents, or nil if it is not.
func (i *Issuer) standing(client *Client) *Error {
	switch {
	case client.Status != StatusActive:
		return invalidClient(ReasonInactiveClient, "inactive client")
	case !i.store.Catalog().Open(client.OrgID):
		return invalidClient(ReasonInactiveOrg, "inactive org")
	default:
		return nil
	}
}

func notFrom(address netip.Addr) *Error {
	return invalidClient(ReasonNetwork, "address "+address.String()+" is not allowed")
}

func invalidClient(reason Reason, cause string) *Error {
	return &Error{Code: InvalidClient, Description: "client authentication failed", Err: errors.New(cause), Reason: reason}
}

// RefuseClient makes the one answer to a client that has not proven itself, for whatever private cause.
func RefuseClient(cause error) error {
	return &Error{Code: InvalidClient, Description: "client authentication failed", Err: cause}
}

// newNobody makes the client that stands in for an unknown one, so that refusing it takes the usual work.
func newNobody() *Client {
	random := NewPlaintext(randomBase62(secretRandomChars))
	return &Client{AuthMethod: AuthSecret, Secrets: []Secret{{Hash: random.Hash()}}}
}
