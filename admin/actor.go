package admin

import (
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// The management API: its key in the catalogue and its permissions.
const (
	ManagementAPI = "latchkey"

	CredentialsRead  = "credentials:read"
	CredentialsWrite = "credentials:write"
	CatalogRead      = "catalog:read"
	CatalogWrite     = "catalog:write"
	KeysRead         = "keys:read"
	KeysWrite        = "keys:write"
	AuditRead        = "audit:read"
	OperatorsWrite   = "operators:write"
)

// ActorKind says what an Actor is.
type ActorKind string

// ActorClient is a program with a token; ActorOperator is a person with a session; ActorAnonymous is whoever tries to
// become one; ActorReporter is whoever reports a leaked secret, of whom nothing else is known; ActorSystem is the
// server itself, at start or on a schedule.
const (
	ActorClient    ActorKind = "client"
	ActorOperator  ActorKind = "operator"
	ActorAnonymous ActorKind = "anonymous"
	ActorReporter  ActorKind = "reporter"
	ActorSystem    ActorKind = "system"
)

// Actor is whoever does something.
type Actor struct {
	Kind ActorKind
	// ID is the client_id of a program or the id of an operator; for the system, the name of what it was doing.
	ID string
	// Org is the org the actor is bound to; empty for the whole installation.
	Org string
	// Permissions are the actor's permissions of the management API.
	Permissions []string
	// Roles are what an operator has its permissions from. A program has none.
	Roles []Role
	// Address is where the actor's request came from, and RequestID which request it was.
	Address   string
	RequestID string
}

// System is the actor for what the server does by itself. It may do everything.
func System(doing string) Actor {
	return Actor{Kind: ActorSystem, ID: doing, Permissions: ManagementPermissions()}
}

// Reporter is the actor who reports a leaked secret. It may do nothing else.
func Reporter(address, requestID string) Actor {
	return Actor{Kind: ActorReporter, ID: "anonymous", Address: address, RequestID: requestID}
}

// ActorFrom makes an actor of a verified token of the management API. A token that holds nothing there, or whose
// grant holds neither in an org nor in the installation, makes an actor without permissions.
func ActorFrom(claims *bearer.Claims) Actor {
	actor := Actor{Kind: ActorClient, ID: claims.ClientID, Org: claims.OrgID}
	detail := claims.Detail(ManagementAPI)
	if detail == nil || !detail.Installation && !detail.Org {
		return actor
	}
	if detail.Installation {
		actor.Org = ""
	}
	actor.Permissions = detail.Actions
	return actor
}

// May reports whether the actor holds the permission of the management API.
func (a Actor) May(permission string) bool { return slices.Contains(a.Permissions, permission) }

// Sees reports whether the org is within the actor's reach.
func (a Actor) Sees(orgID string) bool { return a.Org == "" || a.Org == orgID }

// require answers a ForbiddenError that names the permission, unless the actor holds it.
func (a Actor) require(permission string) error {
	if a.May(permission) {
		return nil
	}
	return &ForbiddenError{Permission: ManagementAPI + ":" + permission}
}

// requireWithin is require for what lies in an org, once it is known which: outside the actor's own there is nothing,
// whatever the actor may do within.
func (a Actor) requireWithin(orgID, permission, noun, id string) error {
	if !a.Sees(orgID) {
		return notFound(noun, id)
	}
	return a.require(permission)
}

// requireEverywhere answers a ForbiddenError unless the actor holds the permission in the whole installation. It is
// for what belongs to no org: the catalogue's APIs, the signing keys, the chain of events.
func (a Actor) requireEverywhere(permission string) error {
	if err := a.require(permission); err != nil || a.Org == "" {
		return err
	}
	return &ForbiddenError{Permission: ManagementAPI + ":" + permission, Everywhere: true}
}

// mayGrant reports whether the actor may hand out this API's permission. Nobody grants what they do not hold: of
// the management API an actor grants its own permissions only, and no further than it reaches itself. An API that
// names roles in GrantableBy is handed out by an operator who holds one of them, and by a program that could give
// anybody such a role.
func (a Actor) mayGrant(api *oauth.API, permission string, places oauth.Places) bool {
	switch {
	case api.Key == ManagementAPI:
		return a.mayLend(permission) && (a.Org == "" || !places.Installation)
	case len(api.GrantableBy) == 0:
		return true
	case a.Kind == ActorOperator:
		return slices.ContainsFunc(a.Roles, func(role Role) bool { return slices.Contains(api.GrantableBy, string(role)) })
	default:
		return a.May(OperatorsWrite)
	}
}

// mayLend reports whether the actor may do all that a program could do with the permission: one that manages operators
// gives them every role, also the addition that not every operator who manages others has.
func (a Actor) mayLend(permission string) bool {
	return a.May(permission) &&
		(permission != OperatorsWrite || a.Kind != ActorOperator || slices.Contains(a.Roles, RoleCustomRoleAdmin))
}

// mayManage answers a ForbiddenError if the client reaches further than the actor does: an org cannot switch off what
// manages the whole installation, only because it happens to live there.
func (a Actor) mayManage(client *oauth.Client) error {
	for _, grant := range client.Grants {
		if a.Org != "" && grant.AppliesTo.Installation {
			return &ForbiddenError{Permission: ManagementAPI + ":" + CredentialsWrite, Everywhere: true}
		}
	}
	return nil
}

// mayHold answers a ForbiddenError if the client holds a permission of the management API that the actor does not.
// Whoever gives such a client a secret or a key could act as it does.
func (a Actor) mayHold(client *oauth.Client) error {
	for _, grant := range client.Grants {
		if grant.API != ManagementAPI {
			continue
		}
		for _, permission := range grant.Permissions {
			idle := ofInstallation(permission) && !grant.AppliesTo.Installation
			if !idle && !a.mayLend(permission) {
				return &ForbiddenError{Permission: ManagementAPI + ":" + permission,
					Reason: "the credential holds the permission " + permission + ", and you do not"}
			}
		}
	}
	return nil
}

// ManagementAPIOf describes the management API for the catalogue of an issuer.
func ManagementAPIOf(issuer string) oauth.API {
	api := oauth.API{
		Key:           ManagementAPI,
		Name:          "Latchkey management API",
		Description:   "Manages credentials, the catalogue, keys and the audit trail of this server.",
		Audience:      ManagementAudience(issuer),
		Level:         oauth.LevelInstallation,
		Choice:        oauth.ChoiceMany,
		TokenLifetime: 15 * time.Minute,
		Status:        oauth.StatusActive,
	}
	for _, key := range ManagementPermissions() {
		noun, verb, _ := strings.Cut(key, ":")
		verb = map[string]string{"read": "Read", "write": "Manage"}[verb]
		api.Permissions = append(api.Permissions, oauth.Permission{
			Key: key, Name: verb + " " + noun, Sentence: verb + " Latchkey's " + noun,
		})
	}
	return api
}

// ManagementAudience is the aud of the management API's tokens.
func ManagementAudience(issuer string) string { return issuer + "/admin/v1" }

// ManagementPermissions answers all permissions of the management API.
func ManagementPermissions() []string {
	return []string{
		CredentialsRead, CredentialsWrite, CatalogRead, CatalogWrite, KeysRead, KeysWrite, AuditRead, OperatorsWrite,
	}
}
