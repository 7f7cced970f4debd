package server

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin/rest"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
)

// faces writes the refusals that belong to no handler in the tongue of the path: RFC 6749 §5.2 for the protocol,
// RFC 9457 for the rest.
type faces struct {
	issuer      string
	oauthPrefix string
}

func (f faces) notFound(c *gin.Context) {
	if f.oauth(c) {
		endpoint.NotFound(c)
		return
	}
	rest.WriteProblem(c, f.issuer, rest.Problem{Type: "not-found", Status: http.StatusNotFound,
		Detail: "There is nothing at this path."})
}

func (f faces) methodNotAllowed(c *gin.Context) {
	if f.oauth(c) {
		endpoint.MethodNotAllowed(c)
		return
	}
	rest.WriteProblem(c, f.issuer, rest.Problem{Type: "method-not-allowed",
		Status: http.StatusMethodNotAllowed, Detail: "Allowed: " + c.Writer.Header().Get("Allow") + "."})
}

func (f faces) internal(c *gin.Context) {
	if f.oauth(c) {
		endpoint.Fail(c, errors.New("panic"))
		return
	}
	c.Error(errors.New("panic"))
	rest.WriteProblem(c, f.issuer, rest.Problem{Type: "internal",
		Status: http.StatusInternalServerError, Detail: "Give the request id to whoever runs this server."})
}

// tooMany answers 429 (RFC 6585 §4).
func (f faces) tooMany(c *gin.Context, wait time.Duration) {
	if f.oauth(c) {
		endpoint.SlowDown(c, "address", wait, "too many requests come from this network: wait before the next")
		return
	}
	c.Set(limitKey, "address")
	c.Header("Retry-After", endpoint.RetryAfter(wait))
	rest.WriteProblem(c, f.issuer, rest.Problem{Type: "too-many-requests", Status: http.StatusTooManyRequests,
		Detail: "Too many requests of this kind come from your address."})
}

func (f faces) oauth(c *gin.Context) bool {
	return strings.HasPrefix(c.Request.URL.Path, f.oauthPrefix)
}
