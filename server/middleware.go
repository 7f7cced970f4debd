package server

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

// The keys of gin's context by which handlers and middleware tell each other about a request.
const (
	requestIDKey = "request_id" // Set here, for problem documents and events.
	clientIDKey  = "client_id"  // Set by the faces, for the log.
	errorCodeKey = "error_code" // Set by the faces, for the log and the metrics.
	limitKey     = "limit"      // Set by what refuses because there is too much, for the metrics.
)

const requestIDHeader = "X-Request-Id"

// assignRequestID keeps the id that a trusted proxy gave the request, if it is one that can be logged, or makes one.
// From anybody else an id would end up in the audit trail.
func assignRequestID(trusted []netip.Prefix) gin.HandlerFunc {
	return func(c *gin.Context) {
		id := c.GetHeader(requestIDHeader)
		if !usableRequestID(id) || !fromTrusted(c, trusted) {
			id = uuid.Must(uuid.NewV7()).String()
		}
		c.Set(requestIDKey, id)
		c.Header(requestIDHeader, id)
	}
}

func fromTrusted(c *gin.Context, trusted []netip.Prefix) bool {
	address, err := netip.ParseAddr(c.RemoteIP())
	return err == nil && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}

func usableRequestID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	return !strings.ContainsFunc(id, func(char rune) bool {
		plain := 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9'
		return !plain && !strings.ContainsRune("._-", char)
	})
}

// recovery turns a panic into an answer that says nothing about it, and a log line that says everything.
type recovery struct {
	log   *slog.Logger
	faces faces
}

func (r recovery) request(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler {
			panic(cause)
		}
		r.log.ErrorContext(c.Request.Context(), "panic", "request_id", c.GetString(requestIDKey),
			"cause", cause, "stack", string(debug.Stack()))
		if c.Writer.Written() {
			// Half an answer must not look whole: this closes the connection.
			panic(http.ErrAbortHandler)
		}
		r.faces.internal(c)
	}()
	c.Next()
	if !c.Writer.Written() && c.Writer.Status() < http.StatusBadRequest && len(c.Errors) > 0 {
		// The answer could not be written as JSON. It must not look like an empty success.
		r.faces.internal(c)
	}
}

// securityHeaders forbids browsers to guess types and to pass our URLs on and, if the issuer is served by TLS, to
// come back without it (RFC 6797).
func securityHeaders(tls bool) gin.HandlerFunc {
	always := http.Header{
		"X-Content-Type-Options": {"nosniff"},
		"Referrer-Policy":        {"no-referrer"},
	}
	if tls {
		always.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return func(c *gin.Context) { maps.Copy(c.Writer.Header(), always) }
}

// deadline bounds the work on a request.
func deadline(timeout time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), timeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

// limitBody bounds the body that handlers can read, however long it claims to be.
func limitBody(bytes int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, bytes)
	}
}

// unescapeParameters decodes the parameters of the path as a path (RFC 3986 §2.1).
func unescapeParameters(c *gin.Context) {
	for i := range c.Params {
		// net/url has refused a malformed path already.
		c.Params[i].Value, _ = url.PathUnescape(c.Params[i].Value)
	}
}
