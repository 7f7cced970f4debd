package oauth

import (
	"context"
	"errors"
	"fmt"
)

// Authenticate answers the client that the proof proves, as it is at this moment or later: a change that was
// committed before the call is always seen. Every refusal is the same invalid_client to the caller (RFC 6749
// §5.2), after the same work; only the private cause tells them apart. An error that is no [*Error] means that
// the question could not be answered.
func (i *Issuer) Authenticate(ctx context.Context, proof Proof) (*Client, error) {
	client, err := i.store.Client(ctx, proof.ClientID)
	if errors.Is(err, ErrNotFound) {
		client = i.nobody
	} else if err != nil {
		return nil, fmt.Errorf("looking up the client: %w", err)
	}

	secret := client.MatchingSecret(proof.Secret, i.now())
	switch {
	case client == i.nobody:
		return nil, invalidClient("unknown client")
	case client.AuthMethod != proof.Method:
		return nil, invalidClient("the client does not authenticate by " + string(proof.Method))
	case secret == nil:
		return nil, invalidClient("wrong, expired or stopped secret")
	case client.Status != StatusActive:
		return nil, invalidClient("inactive client")
	case !i.store.Catalog().Open(client.OrgID):
		return nil, invalidClient("inactive org")
	case !client.MayAskFrom(proof.From):
		return nil, invalidClient("address " + proof.From.String() + " is not allowed")
	}
	return client, nil
}

func invalidClient(cause string) error { return RefuseClient(errors.New(cause)) }

// RefuseClient makes the one answer to a client that has not proven itself, for whatever private cause.
func RefuseClient(cause error) error {
	return &Error{Code: InvalidClient, Description: "client authentication failed", Err: cause}
}

// newNobody makes the client that stands in for an unknown one, so that refusing it takes the usual work.
func newNobody() *Client {
	random := NewPlaintext(randomBase62(secretRandomChars))
	return &Client{AuthMethod: AuthSecret, Secrets: []Secret{{Hash: random.Hash()}}}
}
