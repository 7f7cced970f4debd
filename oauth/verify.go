package oauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Verify answers the claims of a token of ours for this audience, if it is still in force: if it is genuine and has
// not expired, its key is still published, its presenter holds the key that it is bound to, and its client would be
// granted the same now. It is what a resource server inside this process uses, which need not wait for a token to
// expire. A refusal is a [*bearer.Refusal]; any other error means that the question could not be answered.
func (i *Issuer) Verify(ctx context.Context, presented bearer.Presented, audience string) (*bearer.Claims, error) {
	if err := i.store.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("verifying a token: %w", err)
	}
	claims, err := i.verifier.For(audience).VerifyPresented(ctx, presented)
	if err != nil {
		return nil, err
	}
	_, err = i.inForce(ctx, claims)
	return claims, err
}

// inForce judges what a genuine token says against what is known now, and answers its client. It takes from the claims
// the places where nothing holds any more.
func (i *Issuer) inForce(ctx context.Context, claims *bearer.Claims) (*Client, error) {
	if _, denied := i.store.Denied()[claims.ID]; denied {
		return nil, refuse("revoked")
	}
	client, err := i.store.Known(ctx, claims.ClientID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, refuse("its client is gone")
	case err != nil:
		return nil, fmt.Errorf("verifying a token: %w", err)
	case client.Status != StatusActive || !i.store.Catalog().Open(client.OrgID):
		return nil, refuse("its client is inactive")
	case claims.Status == nil || claims.Status.List == nil || *claims.Status.List != *i.statusOf(client):
		return nil, refuse("its client was inactive, or has lost something, since it was issued")
	}
	scope, err := ParseScope(claims.Scope)
	if err != nil {
		return nil, refuse("malformed scope")
	}
	granted, err := i.store.Catalog().Grant(client, Request{Scope: scope, Resources: claims.Audience})
	if err != nil {
		return nil, refuse("its client holds less now")
	}
	// Where the permissions hold may have shrunk since. It never grows: a token may have asked for less than is held.
	told := Request{Details: claims.AuthorizationDetails}
	if err := i.place(ctx, client, &told); err != nil {
		return nil, fmt.Errorf("verifying a token: %w", err)
	}
	claims.AuthorizationDetails = i.store.Catalog().remaining(granted.Details, &told)
	if len(claims.AuthorizationDetails) < len(told.Details) {
		return nil, refuse("its client holds less now") // Elsewhere perhaps, but in no place that the token names.
	}
	return client, nil
}

func refuse(reason string) error {
	return &bearer.Refusal{Kind: bearer.ErrInvalidToken, Reason: reason}
}

// currentKeys is the keyring of each moment as a [bearer.KeySource].
type currentKeys struct{ store Store }

func (k currentKeys) Key(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	return k.store.Keyring().Key(ctx, kid)
}
