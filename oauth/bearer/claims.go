package bearer

import (
	"slices"
	"strings"
)

// TokenType is the typ header of an access token (RFC 9068 §2.1).
const TokenType = "at+jwt"

// Claims is what an access token says: the data structure of RFC 9068 §2.2 with the authorization details of
// RFC 9396 §9. It is defined once, here, and written by the issuer in this order.
type Claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	ClientID  string   `json:"client_id"`
	Audience  Audience `json:"aud"`
	IssuedAt  int64    `json:"iat"` // seconds since the epoch (RFC 7519 §2, NumericDate)
	ExpiresAt int64    `json:"exp"` // seconds since the epoch
	ID        string   `json:"jti"`
	// Scope is the space-delimited list of granted permissions, each "api:permission" (RFC 8693 §4.2).
	Scope string `json:"scope"`
	// OrgID is the organization the client belongs to.
	OrgID string `json:"org_id"`
	// AuthorizationDetails says where each API's permissions hold.
	AuthorizationDetails []AuthorizationDetail `json:"authorization_details"`
	// NotBefore is the time in seconds since the epoch before which the token must not be accepted, or 0.
	NotBefore int64 `json:"nbf,omitempty"`
	// Status says where the token's status is read, or is nil.
	Status *Status `json:"status,omitempty"`
	// Confirmation binds the token to a key that its presenter must prove to hold, or is nil (RFC 7800 §3.1).
	Confirmation *Confirmation `json:"cnf,omitempty"`
}

// Confirmation names the key that a token is bound to. A token may name both.
type Confirmation struct {
	// Thumbprint is that of a DPoP key (RFC 9449 §6.1).
	Thumbprint string `json:"jkt,omitempty"`
	// Certificate is the SHA-256 of a client certificate (RFC 8705 §3.1).
	Certificate string `json:"x5t#S256,omitempty"`
}

// Status is the status claim of draft-ietf-oauth-status-list.
type Status struct {
	List *StatusReference `json:"status_list,omitempty"`
}

// StatusReference is a place in a status list.
type StatusReference struct {
	Index int64  `json:"idx"`
	URI   string `json:"uri"`
}

// AuthorizationDetail is one API's part of a token: which of its permissions hold, and where (RFC 9396 §2).
type AuthorizationDetail struct {
	// Type is the API's key: the part of a scope before the colon.
	Type string `json:"type"`
	// Actions are the granted permissions of the API.
	Actions []string `json:"actions"`
	Places
}

// Places says where permissions hold. A grant uses the members of one level only.
type Places struct {
	// Installation: everywhere. Only the authorization server's own management API uses it.
	Installation bool `json:"installation,omitempty"`
	// Org: throughout the client's organization.
	Org bool `json:"org,omitempty"`
	// Accounts: in these accounts.
	Accounts []string `json:"accounts,omitempty"`
	// Workspaces: in these workspaces.
	Workspaces []string `json:"workspaces,omitempty"`
	// AllWorkspacesOf: in every workspace of these accounts, those of today and those made later.
	AllWorkspacesOf []string `json:"all_workspaces_of,omitempty"`
}

// Allows reports whether the token grants the permission, written as a scope: "profile:read".
// Where it holds is said by [Claims.AuthorizationDetails].
func (c *Claims) Allows(permission string) bool {
	for granted := range strings.SplitSeq(c.Scope, " ") {
		if granted == permission {
			return true
		}
	}
	return false
}

// Detail answers the part of the token about one API, or nil.
func (c *Claims) Detail(api string) *AuthorizationDetail {
	i := slices.IndexFunc(c.AuthorizationDetails, func(d AuthorizationDetail) bool { return d.Type == api })
	if i < 0 {
		return nil
	}
	return &c.AuthorizationDetails[i]
}
