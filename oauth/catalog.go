package oauth

import (
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Choice says how many of an API's permissions one grant names.
type Choice string

// ChoiceOne lets a grant name exactly one permission, ChoiceMany any of them but not none.
const (
	ChoiceOne  Choice = "one"
	ChoiceMany Choice = "many"
)

// API is a resource server in the catalogue.
type API struct {
	// Key is the API's slug and the first half of its scopes: "profile".
	Key         string
	Name        string
	Description string
	// Audience is the absolute URI in the aud of its tokens (RFC 8707 resource). APIs may share one.
	Audience string
	// Level is where its permissions hold.
	Level       Level
	Permissions []Permission
	Choice      Choice
	// GrantableBy are the operator roles that may hand the API out; empty leaves it to every role that manages
	// credentials.
	GrantableBy []string
	// TokenLifetime is the longest a token for this API may live.
	TokenLifetime time.Duration
	// SigningAlg is the algorithm that its tokens are signed with; empty leaves it to the installation.
	SigningAlg jose.SignatureAlgorithm
	// Status: an inactive API is as if nobody held a grant of it.
	Status  Status
	Version int64
}

// Permission is one thing that an API allows.
type Permission struct {
	// Key is the second half of the scope: "read".
	Key         string `json:"key"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Sentence is how a summary says it, beginning with a verb: "Read profiles".
	Sentence string `json:"sentence,omitempty"`
}

// Permission answers the API's permission with this key.
func (a *API) Permission(key string) (Permission, bool) {
	i := slices.IndexFunc(a.Permissions, func(p Permission) bool { return p.Key == key })
	if i < 0 {
		return Permission{}, false
	}
	return a.Permissions[i], true
}

// ScopeOf answers the permission as a scope token: "profile:read".
func (a *API) ScopeOf(permission string) string { return a.Key + ":" + permission }

// Catalog is what every token depends on beside its client: the APIs, and which tenants are closed. It is a
// snapshot: it never changes, and a newer one replaces it whole.
type Catalog struct {
	apis   map[string]*API
	scopes map[string][]string // Of each API, its permissions as scope tokens.
	closed map[string]struct{}
}

// audiences answers whatever a token may be for.
func (c *Catalog) audiences() []string {
	audiences := make([]string, 0, len(c.apis))
	for _, api := range c.apis {
		audiences = append(audiences, api.Audience)
	}
	return audiences
}

// NewCatalog makes a snapshot of all APIs and of the tenants that are inactive themselves or lie in an account
// that is. It keeps the slice apis.
func NewCatalog(apis []API, closed []string) *Catalog {
	catalog := &Catalog{
		apis:   make(map[string]*API, len(apis)),
		scopes: make(map[string][]string, len(apis)),
		closed: make(map[string]struct{}, len(closed)),
	}
	for i := range apis {
		api := &apis[i]
		catalog.apis[api.Key] = api
		for _, permission := range api.Permissions {
			catalog.scopes[api.Key] = append(catalog.scopes[api.Key], api.ScopeOf(permission.Key))
		}
	}
	for _, id := range closed {
		catalog.closed[id] = struct{}{}
	}
	return catalog
}

// API answers the API with this key, or nil.
func (c *Catalog) API(key string) *API { return c.apis[key] }

// scopeOf answers a permission of the API as a scope token, if there is such a permission.
func (c *Catalog) scopeOf(api *API, permission string) (scope string, exists bool) {
	i := slices.IndexFunc(api.Permissions, func(p Permission) bool { return p.Key == permission })
	if i < 0 {
		return "", false
	}
	return c.scopes[api.Key][i], true
}

// Open reports whether the tenant is in force.
func (c *Catalog) Open(tenantID string) bool {
	_, closed := c.closed[tenantID]
	return !closed
}

// open answers the places that are in force, and whether there is any.
func (c *Catalog) open(places Places) (Places, bool) {
	if len(c.closed) > 0 {
		places.Accounts = c.openOf(places.Accounts)
		places.Workspaces = c.openOf(places.Workspaces)
		places.AllWorkspacesOf = c.openOf(places.AllWorkspacesOf)
	}
	some := places.Installation || places.Org ||
		len(places.Accounts)+len(places.Workspaces)+len(places.AllWorkspacesOf) > 0
	return places, some
}

func (c *Catalog) openOf(ids []string) []string { return only(ids, c.Open) }

// only answers those of a list that are wanted. The usual case, all, costs no copy.
func only(list []string, wanted func(string) bool) []string {
	unwanted := func(item string) bool { return !wanted(item) }
	if !slices.ContainsFunc(list, unwanted) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), unwanted)
}
