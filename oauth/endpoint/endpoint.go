package endpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Endpoint serves the protocol's endpoints. Its handlers are mounted by server/routes.go.
type Endpoint struct {
	issuer   *oauth.Issuer
	metadata oauth.Document
	maxAge   string
}

// New makes an Endpoint. A verifier may go without asking for keys and metadata again for maxAge, in whole seconds.
func New(issuer *oauth.Issuer, maxAge time.Duration) *Endpoint {
	// A struct of strings always marshals.
	metadata, _ := json.Marshal(issuer.Metadata())
	return &Endpoint{
		issuer: issuer, metadata: oauth.NewDocument(metadata),
		maxAge: fmt.Sprintf("public, max-age=%d", maxAge/time.Second),
	}
}

// JWKS answers GET /.well-known/jwks.json: the public keys (RFC 7517 §5).
func (e *Endpoint) JWKS(c *gin.Context) {
	e.writePublic(c, "application/jwk-set+json", e.issuer.JWKS(c.Request.Context()))
}

// Metadata answers GET /.well-known/oauth-authorization-server (RFC 8414 §3).
func (e *Endpoint) Metadata(c *gin.Context) {
	e.writePublic(c, "application/json", e.metadata)
}

// writePublic answers a document that anybody may read, from any origin, and keep for a while.
func (e *Endpoint) writePublic(c *gin.Context, contentType string, document oauth.Document) {
	c.Header("ETag", document.Tag)
	c.Header("Cache-Control", e.maxAge)
	c.Header("Access-Control-Allow-Origin", "*")
	// RFC 9110 §13.1.2 compares weakly here.
	for match := range strings.SplitSeq(c.GetHeader("If-None-Match"), ",") {
		if match = strings.TrimSpace(match); match == "*" || strings.TrimPrefix(match, "W/") == document.Tag {
			c.Status(http.StatusNotModified)
			return
		}
	}
	c.Data(http.StatusOK, contentType, document.Body)
}
