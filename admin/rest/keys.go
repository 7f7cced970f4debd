package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// signingKey is an oauth.SigningKey as the wire shows it. The public half is in the JWKS.
type signingKey struct {
	KID         string                  `json:"kid"`
	Algorithm   jose.SignatureAlgorithm `json:"alg"`
	State       oauth.KeyState          `json:"state"`
	CreatedAt   time.Time               `json:"created_at"`
	ActiveFrom  time.Time               `json:"active_from"`
	RetiredFrom *time.Time              `json:"retired_from"`
	GoneFrom    *time.Time              `json:"gone_from"`
}

// ListKeys answers GET /admin/v1/keys: all keys on one page.
func (a *API) ListKeys(c *gin.Context) {
	a.answerKeys(c, http.StatusOK, a.keys.List)
}

// RotateKeys answers POST /admin/v1/keys/rotations.
func (a *API) RotateKeys(c *gin.Context) {
	a.answerKeys(c, http.StatusAccepted, a.keys.Rotate)
}

// RevokeKey answers POST /admin/v1/keys/{kid}/revoke.
func (a *API) RevokeKey(c *gin.Context) {
	a.answerKeys(c, http.StatusOK, func(ctx context.Context, actor admin.Actor) ([]oauth.SigningKey, error) {
		return a.keys.Revoke(ctx, actor, c.Param("kid"))
	})
}

// answerKeys does what is asked, and answers the keys as they are then.
func (a *API) answerKeys(c *gin.Context, status int, act func(context.Context, admin.Actor) ([]oauth.SigningKey, error)) {
	if !queryOf(c).ok(a, c) {
		return
	}
	keys, err := act(c.Request.Context(), actorOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	now := a.keys.Now()
	body := page[signingKey]{Data: make([]signingKey, len(keys))}
	for i := range keys {
		key := &keys[i]
		body.Data[i] = signingKey{
			KID: key.ID, Algorithm: key.Algorithm, State: key.State(now),
			CreatedAt: key.CreatedAt, ActiveFrom: key.ActiveFrom,
			RetiredFrom: orNull(key.RetiredFrom), GoneFrom: orNull(key.GoneFrom),
		}
	}
	c.PureJSON(status, body)
}
