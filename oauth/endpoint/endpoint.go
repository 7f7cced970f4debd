package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Endpoint serves the protocol's endpoints. Its handlers are mounted by server/routes.go.
type Endpoint struct {
	issuer   *oauth.Issuer
	metadata oauth.Document
	maxAge   string
	limits   Limits
	buffers  sync.Pool // Of *bytes.Buffer, for what is read and then what is written.
}

// Limits are what holds clients to a measure. All but the Timeout may be left out.
type Limits struct {
	// Timeout is the longest that a request for a token may take.
	Timeout time.Duration
	// MemoryTimeout is the longest that one takes which waits for the memory of the database alone.
	MemoryTimeout time.Duration
	// Backoff slows down whoever fails to authenticate; nil lets them try again at once.
	Backoff *Backoff
	// Clients holds each client to a rate of token requests. Only requests that authenticate count, so that a stranger
	// cannot use it up.
	Clients *Limiter[string]
}

// New makes an Endpoint. A verifier may go without asking for keys and metadata again for maxAge, in whole seconds.
func New(issuer *oauth.Issuer, maxAge time.Duration, limits Limits) *Endpoint {
	// A struct of strings always marshals.
	metadata, _ := json.Marshal(issuer.Metadata())
	return &Endpoint{
		issuer: issuer, metadata: oauth.NewDocument(metadata),
		maxAge: fmt.Sprintf("public, max-age=%d", maxAge/time.Second), limits: limits,
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
}

// JWKS answers GET /.well-known/jwks.json: the public keys (RFC 7517 §5).
func (e *Endpoint) JWKS(c *gin.Context) {
	writePublic(c, "application/jwk-set+json", e.maxAge, e.issuer.JWKS(c.Request.Context()))
}

// Metadata answers GET /.well-known/oauth-authorization-server (RFC 8414 §3).
func (e *Endpoint) Metadata(c *gin.Context) {
	writePublic(c, "application/json", e.maxAge, e.metadata)
}

const statusListType = "application/statuslist+jwt"

// StatusList answers GET /oauth/status/{list}: which tokens have ended (draft-ietf-oauth-status-list §8.1). Whoever is
// between us and a verifier must ask each time, so that the list's own ttl is all that a verifier is late.
func (e *Endpoint) StatusList(c *gin.Context) {
	text := c.Param("list")
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(number, 10) != text {
		NotFound(c)
		return
	}
	if quality, _ := wanted(c.Request, statusListType); quality == 0 {
		write(c, http.StatusNotAcceptable, oauth.InvalidRequest, "a status list is of the type "+statusListType)
		return
	}
	if c.Request.URL.Query().Has("time") {
		// draft-ietf-oauth-status-list §8.4: no list of another moment is kept.
		write(c, http.StatusNotImplemented, oauth.InvalidRequest, "only the list of this moment is here")
		return
	}
	list, err := e.issuer.StatusList(c.Request.Context(), number)
	switch {
	case errors.Is(err, oauth.ErrNotFound):
		NotFound(c)
	case err != nil:
		Fail(c, err)
	default:
		c.Header("Vary", "Accept")
		writePublic(c, statusListType, "no-cache", list)
	}
}

// DenyList answers GET /oauth/denied: the tokens that were revoked one by one.
func (e *Endpoint) DenyList(c *gin.Context) {
	list, err := e.issuer.DenyList(c.Request.Context())
	if err != nil {
		Fail(c, err)
		return
	}
	writePublic(c, "application/denylist+jwt", "no-cache", list)
}

// writePublic answers a document that anybody may read, from any origin.
func writePublic(c *gin.Context, contentType, cacheControl string, document oauth.Document) {
	c.Header("ETag", document.Tag)
	c.Header("Cache-Control", cacheControl)
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
