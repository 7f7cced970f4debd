package endpoint

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Endpoint serves the protocol's endpoints. Its handlers are mounted by server/routes.go.
type Endpoint struct {
	issuer   *oauth.Issuer
	metadata []byte
}

// New makes an Endpoint.
func New(issuer *oauth.Issuer) *Endpoint {
	// A struct of strings always marshals.
	metadata, _ := json.Marshal(issuer.Metadata())
	return &Endpoint{issuer: issuer, metadata: metadata}
}

// publicMaxAge is how long, in seconds, a verifier may go without asking for keys and metadata again.
const publicMaxAge = "300"

// JWKS answers GET /.well-known/jwks.json: the public keys (RFC 7517 §5).
func (e *Endpoint) JWKS(c *gin.Context) {
	writePublic(c, "application/jwk-set+json", e.issuer.JWKS(c.Request.Context()))
}

// Metadata answers GET /.well-known/oauth-authorization-server (RFC 8414 §3).
func (e *Endpoint) Metadata(c *gin.Context) {
	writePublic(c, "application/json", e.metadata)
}

// writePublic answers a document that anybody may read, from any origin, and keep for a while.
func writePublic(c *gin.Context, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	c.Header("ETag", tag)
	c.Header("Cache-Control", "public, max-age="+publicMaxAge)
	c.Header("Access-Control-Allow-Origin", "*")
	// RFC 9110 §13.1.2 compares weakly here.
	for match := range strings.SplitSeq(c.GetHeader("If-None-Match"), ",") {
		if match = strings.TrimSpace(match); match == "*" || strings.TrimPrefix(match, "W/") == tag {
			c.Status(http.StatusNotModified)
			return
		}
	}
	c.Data(http.StatusOK, contentType, body)
}
