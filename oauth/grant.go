package oauth

import (
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Places says where a grant holds. It is the verifier's own word, as it stands in the token.
type Places = bearer.Places

// Detail says which permissions of one API are granted, and where (RFC 9396 §2). It is the verifier's own word too.
type Detail = bearer.AuthorizationDetail

// Grant is one API, some of its permissions, and where they hold.
type Grant struct {
	API         string   `json:"api"`
	Permissions []string `json:"permissions"`
	AppliesTo   Places   `json:"applies_to"`
}

// Request is what a client asks for.
type Request struct {
	// Scope is the set of permissions asked for; empty asks for everything that is granted.
	Scope Scope
	// Resources are the audiences asked for (RFC 8707 §2); empty asks for all of the client's.
	Resources []string
	// Details are what is asked for of some APIs in particular, and where (RFC 9396 §3), as [ParseDetails] reads them.
	// Without a Scope nothing else is asked for; with one, they say where its permissions of these APIs shall hold.
	Details []Detail

	// accounts are those that workspaces in Details lie in, where that matters.
	accounts map[string]string
}

// Granted is what a client gets: exactly what it asked for.
type Granted struct {
	Scope    Scope
	Audience []string
	Details  []Detail
	// Lifetime is the least of what the client and the APIs allow.
	Lifetime time.Duration
	// Algorithm is the one that the APIs ask for; empty leaves it to the installation.
	Algorithm jose.SignatureAlgorithm
	// Confirmation is what the token is bound to (RFC 7800 §3.1), or nil.
	Confirmation *bearer.Confirmation
}

// Grant judges what the client asks for against what it holds at the moment. A grant whose API, permission or
// places are all out of force is as if it were not there. Asking for more than is held is an [*Error]:
// invalid_target for an audience (RFC 8707 §2), or for audiences whose tokens are signed in different ways,
// invalid_scope for a permission (RFC 6749 §5.2), invalid_authorization_details for a permission in a place
// (RFC 9396 §5).
func (c *Catalog) Grant(client *Client, asked Request) (Granted, error) {
	if err := asked.checkDetails(); err != nil {
		return Granted{}, err
	}
	permissions := 0
	for _, grant := range client.Grants {
		permissions += len(grant.Permissions)
	}
	granted := Granted{
		Scope: make(Scope, 0, permissions), Details: make([]Detail, 0, len(client.Grants)), Lifetime: client.TokenLifetime,
	}
	missing := slices.Clone(asked.Scope)
	missingAudiences := slices.Clone(asked.Resources)
	mixed := false

	for _, grant := range client.Grants {
		api := c.API(grant.API)
		if api == nil || api.Status != StatusActive {
			continue
		}
		places, some := c.open(grant.AppliesTo)
		if !some {
			continue
		}
		if len(asked.Resources) > 0 && !slices.Contains(asked.Resources, api.Audience) {
			continue
		}
		missingAudiences = without(missingAudiences, api.Audience)

		at, detail := asked.detail(api.Key)
		switch {
		case detail != nil:
			if err := c.checkDetail(client, &asked, at, &grant, places); err != nil {
				return Granted{}, err
			}
			places = detail.Places
		case len(asked.Details) > 0 && len(asked.Scope) == 0:
			continue
		}

		actions := only(grant.Permissions, func(permission string) bool {
			scope, exists := c.scopeOf(api, permission)
			return exists && (detail == nil || slices.Contains(detail.Actions, permission)) &&
				(len(asked.Scope) == 0 || slices.Contains(asked.Scope, scope))
		})
		if len(actions) == 0 {
			continue
		}
		for _, permission := range actions {
			scope, _ := c.scopeOf(api, permission)
			missing = without(missing, scope)
			granted.Scope = append(granted.Scope, scope)
		}
		granted.Details = append(granted.Details, Detail{Type: api.Key, Actions: actions, Places: places})
		if !slices.Contains(granted.Audience, api.Audience) {
			granted.Audience = append(granted.Audience, api.Audience)
		}
		granted.Lifetime = shorter(granted.Lifetime, api.TokenLifetime)
		if api.SigningAlg != "" {
			mixed = mixed || granted.Algorithm != "" && granted.Algorithm != api.SigningAlg
			granted.Algorithm = api.SigningAlg
		}
	}

	if len(missingAudiences) > 0 {
		return Granted{}, c.refuseTarget(client, missingAudiences)
	}
	for i := range asked.Details {
		if !slices.ContainsFunc(granted.Details, func(d Detail) bool { return d.Type == asked.Details[i].Type }) {
			return Granted{}, c.refuseType(client, &asked, i)
		}
	}
	switch {
	case len(missing) > 0:
		return Granted{}, c.refuseScope(client, missing)
	case len(granted.Scope) == 0:
		return Granted{}, c.refuseAll(client)
	case mixed:
		return Granted{}, &Error{Code: InvalidTarget, Description: "tokens of these resources are signed in different ways: ask for one resource at a time"}
	}
	if len(asked.Resources) > 0 {
		// RFC 8707 §2.2: the scope was asked for at every resource named, so the token names them all.
		granted.Audience = asked.Resources
	}
	return granted, nil
}

func without(list []string, value string) []string {
	return slices.DeleteFunc(list, func(item string) bool { return item == value })
}

// shorter answers the lesser of two lifetimes, of which zero means unlimited.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
