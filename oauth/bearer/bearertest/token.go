package bearertest

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// lifetime is that of a token unless a test says otherwise.
const lifetime = 5 * time.Minute

// Option changes what a token says. Any function of this form is one.
type Option func(*bearer.Claims)

// Allow grants a permission, written as a scope such as "profile:read", in these places.
func Allow(permission string, places bearer.Places) Option {
	return func(claims *bearer.Claims) {
		claims.Scope = strings.TrimSpace(claims.Scope + " " + permission)
		api, action, _ := strings.Cut(permission, ":")
		if detail := claims.Detail(api); detail != nil {
			detail.Actions, detail.Places = append(detail.Actions, action), places
			return
		}
		claims.AuthorizationDetails = append(claims.AuthorizationDetails,
			bearer.AuthorizationDetail{Type: api, Actions: []string{action}, Places: places})
	}
}

// BoundTo binds the token to the holder's DPoP key.
func BoundTo(holder *Holder) Option {
	return func(claims *bearer.Claims) {
		claims.Confirmation = &bearer.Confirmation{Thumbprint: holder.Thumbprint()}
	}
}

// Client makes it the token of another client than [ClientID].
func Client(id string) Option {
	return func(claims *bearer.Claims) { claims.Subject, claims.ClientID = id, id }
}

// ID sets the jti, for [Issuer.Revoke].
func ID(id string) Option { return func(claims *bearer.Claims) { claims.ID = id } }

// Token makes a token for [Audience] that lives five minutes, of the client [ClientID] in the org [OrgID], and that
// grants nothing until an option says so.
func (i *Issuer) Token(options ...Option) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	claims := &bearer.Claims{
		Issuer: i.URL, Subject: ClientID, ClientID: ClientID, Audience: bearer.Audience{Audience},
		IssuedAt: i.now.Unix(), ExpiresAt: i.now.Add(lifetime).Unix(), ID: rand.Text(), OrgID: OrgID,
		AuthorizationDetails: []bearer.AuthorizationDetail{},
	}
	for _, option := range options {
		option(claims)
	}
	if claims.Status == nil {
		claims.Status = &bearer.Status{List: &bearer.StatusReference{Index: i.index(claims.ClientID), URI: i.URL + statusPath}}
	}
	return i.sign(bearer.TokenType, claims)
}

// index answers the place of a client in the status list.
func (i *Issuer) index(client string) int64 {
	index := slices.Index(i.clients, client)
	if index < 0 {
		index = len(i.clients)
		i.clients = append(i.clients, client)
		i.version++
	}
	return int64(index)
}
