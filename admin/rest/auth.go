package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

const actorKey = "actor"

// Authenticate turns the request's bearer token (RFC 6750 §2.1) into the actor of the handlers behind it, or
// answers 401 with the challenge of RFC 6750 §3.
func (a *API) Authenticate(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	headers := c.Request.Header.Values("Authorization")
	scheme, token, _ := strings.Cut(strings.Join(headers, ","), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(headers) != 1 {
		a.challenge(c, "")
		return
	}
	claims, err := a.issuer.Verify(c.Request.Context(), strings.TrimSpace(token), admin.ManagementAudience(a.issuer.URL()))
	switch {
	case errors.Is(err, bearer.ErrInvalidToken):
		c.Error(err)
		a.challenge(c, "invalid_token")
		return
	case err != nil:
		a.fail(c, err)
		return
	}
	actor := admin.ActorFrom(claims)
	actor.Address = c.ClientIP()
	actor.RequestID = c.GetString("request_id")
	c.Set("client_id", claims.ClientID)
	c.Set(actorKey, actor)
}

func actorOf(c *gin.Context) admin.Actor { return c.MustGet(actorKey).(admin.Actor) }

// challenge answers 401. RFC 6750 §3.1: a request without a token is told no error code.
func (a *API) challenge(c *gin.Context, code string) {
	detail, header := "This needs a bearer token of the management API.", `Bearer realm="latchkey"`
	if code != "" {
		detail, header = "The bearer token is malformed, expired, for somebody else, or no longer in force.", header+`, error="`+code+`"`
	}
	c.Header("WWW-Authenticate", header)
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
		Permissions []string        `json:"permissions"`
	}{actor.Kind, actor.ID, orNull(actor.Org), append([]string{}, actor.Permissions...)})
}

func orNull[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
