package bearer

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Option says where a permission must hold for [Require].
type Option func(*requirement)

// In asks that the permission holds in the workspace that the request names.
func In(workspace func(*http.Request) string) Option {
	return func(q *requirement) {
		q.places = append(q.places, func(r *http.Request) Place { return Place{Workspace: workspace(r)} })
	}
}

// InAccount asks that the permission holds in the account that the request names.
func InAccount(account func(*http.Request) string) Option {
	return func(q *requirement) {
		q.places = append(q.places, func(r *http.Request) Place { return Place{Account: account(r)} })
	}
}

// InOrg asks that the permission holds in the whole of the org that the request names.
func InOrg(org func(*http.Request) string) Option {
	return func(q *requirement) {
		q.places = append(q.places, func(r *http.Request) Place { return Place{Org: org(r)} })
	}
}

// AccountOf says which account a workspace lies in; empty: none, there is no such workspace. It is asked only for
// tokens that hold in every workspace of some accounts, those of today and those made later, and without it such a
// token is refused. An error is a fault, answered 503.
func AccountOf(account func(ctx context.Context, workspace string) (string, error)) Option {
	return func(q *requirement) { q.accountOf = account }
}

// Require lets a request through whose token, accepted by [Verifier.Authenticate] before, grants the permission,
// written as a scope: "profile:read", or several parted by spaces, which must then all be granted. Without an option
// it says nothing of the place; the handler must then ask [Claims.AllowsIn]. A missing permission is answered 403,
// a foreign place 404.
func Require(permission string, options ...Option) func(http.Handler) http.Handler {
	required := requirement{permissions: strings.Fields(permission)}
	for _, option := range options {
		option(&required)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			accepted, ok := r.Context().Value(contextKey{}).(accepted)
			if !ok || accepted.verifier == nil {
				// A route that nobody guards must not be open.
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
			if err := required.check(r, accepted.claims); err != nil {
				accepted.verifier.Refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// requirement is what a route requires.
type requirement struct {
	permissions []string
	places      []func(*http.Request) Place
	accountOf   func(context.Context, string) (string, error)
}

func (q *requirement) check(r *http.Request, claims *Claims) error {
	for _, permission := range q.permissions {
		if !claims.Allows(permission) {
			return &Refusal{
				Kind: ErrInsufficientScope, Reason: "missing permission", Detail: permission,
				Permission: strings.Join(q.permissions, " "),
			}
		}
	}
	for _, placeOf := range q.places {
		place := placeOf(r)
		for _, permission := range q.permissions {
			if err := q.checkPlace(r.Context(), claims, permission, place); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *requirement) checkPlace(ctx context.Context, claims *Claims, permission string, place Place) error {
	if claims.AllowsIn(permission, place) {
		return nil
	}
	if place.Workspace != "" && q.accountOf != nil && slices.ContainsFunc(claims.details(permission), ofAccounts) {
		var err error
		if place.WorkspaceAccount, err = q.accountOf(ctx, place.Workspace); err != nil {
			return fmt.Errorf("finding the account of a workspace: %w", err)
		}
		if claims.AllowsIn(permission, place) {
			return nil
		}
	}
	return &Refusal{
		Kind: ErrForeignPlace, Reason: "foreign place",
		Detail: fmt.Sprintf("%s in %q", permission, clip(place.Org+place.Account+place.Workspace)),
	}
}

func ofAccounts(detail *AuthorizationDetail) bool { return len(detail.AllWorkspacesOf) > 0 }

// contextKey is where a request's context holds what was accepted.
type contextKey struct{}

type accepted struct {
	claims   *Claims
	verifier *Verifier // Nil: the claims were put there by WithClaims.
}

// WithClaims puts claims into a context, for [FromContext]: for servers that do not speak net/http.
func WithClaims(ctx context.Context, claims *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, accepted{claims: claims})
}

// FromContext answers the claims of the token that was accepted for this request, or nil.
func FromContext(ctx context.Context) *Claims {
	accepted, _ := ctx.Value(contextKey{}).(accepted)
	return accepted.claims
}
