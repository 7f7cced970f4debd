package admin

import (
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// MaxUsers is the greatest Total of an [InUseError] that is exact: it is not counted further.
	MaxUsers = 1000
	// MaxForced is the greatest number of credentials that lose something by one change: they all change in one
	// transaction, for which every other writer waits.
	MaxForced = 500
)

// InUseError says that something hangs on a thing that was to be deleted, or to be changed to its harm.
type InUseError struct {
	// Total is how many do; more than [MaxUsers] are not counted.
	Total int
	// Children are the tenants below a tenant, Credentials who belongs to it or holds a grant; the first of them.
	Children    []TenantRow
	Credentials []Loss
	// Operators are those who hold their roles in the org.
	Operators []Operator
	// Forcible: the change could be forced. TooMany: it could be, if it concerned no more than [MaxForced].
	Forcible, TooMany bool
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%d tenants, credentials and operators hang on it", e.Total)
}

// Loss is what a credential loses when an API changes.
type Loss struct {
	ClientID string
	OrgID    string
	Name     string
	// Scopes are the permissions that it loses: "profile:read". A credential whose tokens will name another audience
	// loses none.
	Scopes []string
	// Deactivated: it lost its last grant, and so became inactive.
	Deactivated bool
}

func newLoss(client *oauth.Client, scopes []string) Loss {
	return Loss{ClientID: client.ID, OrgID: client.OrgID, Name: client.Name, Scopes: scopes}
}

// concerned answers whom a change of an API takes something from, and whether there can be anybody.
func concerned(before, after *oauth.API) (HolderQuery, bool) {
	query := HolderQuery{API: after.Key, Limit: MaxUsers + 1}
	if before.Level != after.Level || before.Audience != after.Audience {
		return query, true
	}
	for _, permission := range before.Permissions {
		if _, stays := after.Permission(permission.Key); !stays {
			query.Permissions = append(query.Permissions, permission.Key)
		}
	}
	query.Several = before.Choice == oauth.ChoiceMany && after.Choice == oauth.ChoiceOne
	return query, query.Several || len(query.Permissions) > 0
}

// shrink answers what is left of grants when an API changes, and the scopes that are lost. Nothing is turned into
// something else: where the places of a grant no longer fit the level, or several permissions no longer fit the
// choice, nobody but an administrator can say what is meant, and the grant goes as a whole.
func shrink(grants []oauth.Grant, before, after *oauth.API) (left []oauth.Grant, lost []string) {
	for _, grant := range grants {
		if grant.API != after.Key {
			left = append(left, grant)
			continue
		}
		kept := slices.Clone(grant.Permissions)
		if before.Level != after.Level {
			kept = nil
		}
		kept = slices.DeleteFunc(kept, func(key string) bool { _, stays := after.Permission(key); return !stays })
		if after.Choice == oauth.ChoiceOne && len(kept) > 1 {
			kept = nil
		}
		for _, key := range grant.Permissions {
			if !slices.Contains(kept, key) {
				lost = append(lost, after.ScopeOf(key))
			}
		}
		if len(kept) > 0 {
			left = append(left, oauth.Grant{API: grant.API, Permissions: kept, AppliesTo: grant.AppliesTo})
		}
	}
	return left, lost
}
