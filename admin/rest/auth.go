package rest

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

const actorKey = "actor"

// Authenticate turns the request's bearer token (RFC 6750 §2.1), or one with a DPoP proof (RFC 9449 §7.1), or the session
// of its cookie, into the actor of the handlers behind it. Otherwise it answers 401 with the challenge of RFC 6750 §3. Both at once are refused: nobody
// could say who acts.
func (a *API) Authenticate(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	session, hasSession := a.cookie.read(c)
	headers, hasToken := c.Request.Header["Authorization"]
	var (
		actor admin.Actor
		ok    bool
	)
	switch {
	case len(headers) > 1:
		// RFC 6750 §3.1: a request that uses more than one method is malformed.
		a.malformed(c, "Authorization", "repeated", "send one Authorization header")
		return
	case hasSession && hasToken:
		a.malformed(c, "Authorization", "contradictory", "send either a bearer token or the cookie of a session")
		return
	case hasSession:
		actor, ok = a.fromSession(c, session)
	default:
		actor, ok = a.fromToken(c)
	}
	if !ok {
		return
	}
	actor.Address, actor.RequestID = originOf(c)
	c.Set("client_id", actor.ID)
	c.Set(actorKey, actor)
}

// originOf answers where a request came from, and which it is.
func originOf(c *gin.Context) (address, requestID string) {
	return c.ClientIP(), c.GetString("request_id")
}

func (a *API) fromToken(c *gin.Context) (admin.Actor, bool) {
	presented, ok := a.dpop.presented(c.Request)
	if !ok {
		a.challenge(c, "")
		return admin.Actor{}, false
	}
	if presented.Proof != nil {
		if nonce := a.issuer.Nonce(); nonce != "" {
			c.Header("DPoP-Nonce", nonce) // RFC 9449 §9.
		}
	}
	claims, err := a.issuer.Verify(c.Request.Context(), presented, admin.ManagementAudience(a.issuer.URL()))
	refusal, refused := errors.AsType[*bearer.Refusal](err)
	switch {
	case refused && presented.Proof != nil:
		c.Error(err)
		a.challengeDPoP(c, refusal)
		return admin.Actor{}, false
	case refused:
		c.Error(err)
		a.challenge(c, "invalid_token")
		return admin.Actor{}, false
	case err != nil:
		a.fail(c, err)
		return admin.Actor{}, false
	}
	return admin.ActorFrom(claims), true
}

// fromSession believes a cookie, which a browser sends by itself, only where no page of another origin can have made
// the request.
func (a *API) fromSession(c *gin.Context, session oauth.Plaintext) (admin.Actor, bool) {
	if !a.sameOrigin(c) {
		return admin.Actor{}, false
	}
	actor, err := a.sessions.Actor(c.Request.Context(), session)
	switch {
	case errors.Is(err, admin.ErrNoSession):
		c.Error(err)
		a.cookie.clear(c)
		a.challenge(c, "")
		return admin.Actor{}, false
	case err != nil:
		a.fail(c, err)
		return admin.Actor{}, false
	}
	return actor, true
}

func actorOf(c *gin.Context) admin.Actor { return c.MustGet(actorKey).(admin.Actor) }

// challenge answers 401. RFC 6750 §3.1: a request without a token is told no error code.
func (a *API) challenge(c *gin.Context, code string) {
	detail := "This needs a bearer token of the management API, or the cookie of a session that has not ended."
	parameters := ""
	if code != "" {
		detail, parameters = "The bearer token is malformed, expired, for somebody else, or no longer in force.", `, error="`+code+`"`
	}
	c.Header("WWW-Authenticate", a.bearerChallenge(parameters))
	if code == "" {
		// RFC 9449 §7.1: whoever has not chosen a scheme is told of both.
		c.Writer.Header().Add("WWW-Authenticate", a.dpopChallenge(""))
	}
	a.write(c, Problem{Type: "unauthorized", Status: http.StatusUnauthorized, Detail: detail})
}

// Me answers who the actor is and what it may do.
func (a *API) Me(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	actor := actorOf(c)
	c.PureJSON(http.StatusOK, struct {
		Kind        admin.ActorKind `json:"kind"`
		ID          string          `json:"id"`
		OrgID       *string         `json:"org_id"` // Null: the whole installation.
		Roles       []admin.Role    `json:"roles"`
		Permissions []string        `json:"permissions"`
	}{actor.Kind, actor.ID, orNull(actor.Org), orEmpty(actor.Roles), orEmpty(actor.Permissions)})
}

func orNull[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
