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
		closed: make(map[string]struct{}, len(closed)),
	}
	for i := range apis {
		catalog.apis[apis[i].Key] = &apis[i]
	}
	for _, id := range closed {
		catalog.closed[id] = struct{}{}
	}
	return catalog
}

// API answers the API with this key, or nil.
func (c *Catalog) API(key string) *API { return c.apis[key] }

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

func (c *Catalog) openOf(ids []string) []string {
	if !slices.ContainsFunc(ids, func(id string) bool { return !c.Open(id) }) {
		return ids // The usual case costs no copy.
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !c.Open(id) })
}
