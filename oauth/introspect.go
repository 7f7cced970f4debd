package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// IntrospectionType is the typ header of a signed answer (RFC 9701 §5).
const IntrospectionType = "token-introspection+jwt"

// Introspection says what a token is worth at this moment (RFC 7662 §2.2). Of one that is worth nothing it says only
// that: Claims is nil.
type Introspection struct {
	Active bool `json:"active"`
	*bearer.Claims
	TokenType string `json:"token_type,omitempty"`
}

// Introspect answers what a token is worth to the caller: all tokens of its own org, and those of all orgs if it holds
// anything in the whole installation. Whatever else it asks about is inactive, for whatever reason. An error means that
// the question could not be answered.
func (i *Issuer) Introspect(ctx context.Context, caller Caller, token string) (Introspection, error) {
	if err := i.spendAssertion(ctx, caller); err != nil {
		return Introspection{}, err
	}
	claims, client, err := i.read(ctx, token)
	switch refusal := (*bearer.Refusal)(nil); {
	case errors.As(err, &refusal):
		return Introspection{}, nil
	case err != nil:
		return Introspection{}, fmt.Errorf("introspecting a token: %w", err)
	case client.OrgID != caller.OrgID && !caller.everywhere():
		return Introspection{}, nil
	}
	return Introspection{Active: true, Claims: claims, TokenType: tokenType(claims.Confirmation)}, nil
}

// everywhere reports whether the client holds anything in the whole installation.
func (c *Client) everywhere() bool {
	return slices.ContainsFunc(c.Grants, func(grant Grant) bool { return grant.AppliesTo.Installation })
}

// SignIntrospection answers an introspection as a JWT for the caller (RFC 9701 §5).
func (i *Issuer) SignIntrospection(caller Caller, answer Introspection) ([]byte, error) {
	now := i.now()
	text, err := i.store.Keyring().signAs(IntrospectionType, struct {
		Issuer        string        `json:"iss"`
		Audience      string        `json:"aud"`
		IssuedAt      int64         `json:"iat"`
		Introspection Introspection `json:"token_introspection"`
	}{i.url, caller.ID, now.Unix(), answer}, i.algorithm, now)
	return []byte(text), err
}

// read answers a token of ours that is in force now, for whichever audience and whoever presents it, and its client. A
// refusal is a [*bearer.Refusal].
func (i *Issuer) read(ctx context.Context, token string) (*bearer.Claims, *Client, error) {
	if err := i.store.Refresh(ctx); err != nil {
		return nil, nil, err
	}
	claims, err := i.verifier.For(i.store.Catalog().audiences()...).Read(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	client, err := i.inForce(ctx, claims)
	return claims, client, err
}
