package oauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Verify answers the claims of a token of ours for this audience, if it is still in force: if it is genuine and has
// not expired, its key is still published, and its client would be granted the same now. It is what a resource
// server inside this process uses, which need not wait for a token to expire. A refusal wraps
// bearer.ErrInvalidToken; any other error means that the question could not be answered.
func (i *Issuer) Verify(ctx context.Context, token, audience string) (*bearer.Claims, error) {
	if err := i.store.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("verifying a token: %w", err)
	}
	verifier := bearer.Verifier{Issuer: i.url, Audience: audience, Keys: i.store.Keyring(), Now: i.now}
	claims, err := verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	client, err := i.store.Client(ctx, claims.ClientID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("%w: its client is gone", bearer.ErrInvalidToken)
	case err != nil:
		return nil, fmt.Errorf("verifying a token: %w", err)
	case client.Status != StatusActive || !i.store.Catalog().Open(client.OrgID):
		return nil, fmt.Errorf("%w: its client is inactive", bearer.ErrInvalidToken)
	}
	scope, err := ParseScope(claims.Scope)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed scope", bearer.ErrInvalidToken)
	}
	granted, err := i.store.Catalog().Grant(client, Request{Scope: scope, Resources: claims.Audience})
	if err != nil {
		return nil, fmt.Errorf("%w: its client holds less now", bearer.ErrInvalidToken)
	}
	// Where the permissions hold may have shrunk since.
	claims.AuthorizationDetails = granted.Details
	return claims, nil
}
