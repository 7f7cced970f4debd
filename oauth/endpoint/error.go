package endpoint

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

// statuses says how each code is answered: RFC 6749 §5.2 says 400 for all but a failed client authentication.
var statuses = map[oauth.Code]int{
	oauth.InvalidRequest:       http.StatusBadRequest,
	oauth.InvalidClient:        http.StatusUnauthorized,
	oauth.UnauthorizedClient:   http.StatusBadRequest,
	oauth.UnsupportedGrantType: http.StatusBadRequest,
	oauth.InvalidScope:         http.StatusBadRequest,
	oauth.InvalidTarget:        http.StatusBadRequest,
	oauth.InvalidDPoPProof:     http.StatusBadRequest,
	oauth.UseDPoPNonce:         http.StatusBadRequest, // RFC 9449 §8.

	oauth.InvalidAuthorizationDetails: http.StatusBadRequest, // RFC 9396 §5 and RFC 6749 §5.2
}

// retryAfter is how long, in seconds, a client should wait before it asks an unavailable server again.
const retryAfter = "1"

// Fail answers an error and ends the request. The cause goes to the log alone.
func Fail(c *gin.Context, err error) {
	c.Error(err)
	var (
		refusal  *oauth.Error
		slowDown *slowDownError
		body     *http.MaxBytesError
	)
	switch {
	case errors.As(err, &slowDown):
		SlowDown(c, "failures", slowDown.wait, "authentication failed too often: wait before the next attempt")
	case errors.As(err, &refusal) && refusal.Code == oauth.SlowDown:
		SlowDown(c, string(refusal.Reason), refusal.Wait, refusal.Description)
	case errors.As(err, &refusal):
		if refusal.Code == oauth.InvalidClient {
			// RFC 9110 §15.5.2 wants a challenge with every 401, whichever method the client used.
			c.Header("WWW-Authenticate", `Basic realm="latchkey", charset="UTF-8"`)
		}
		write(c, statuses[refusal.Code], refusal.Code, refusal.Description)
	case errors.As(err, &body):
		write(c, http.StatusRequestEntityTooLarge, oauth.InvalidRequest, "the body is too large")
	case errors.Is(err, oauth.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		c.Header("Retry-After", retryAfter)
		write(c, http.StatusServiceUnavailable, "temporarily_unavailable", "the server cannot answer at the moment")
	default:
		write(c, http.StatusInternalServerError, "server_error", "something is wrong on our side")
	}
}

// SlowDown answers a request that is one too many (RFC 6585 §4) by a limit of that name, for the metrics.
func SlowDown(c *gin.Context, limit string, wait time.Duration, description string) {
	c.Set("limit", limit)
	c.Header("Retry-After", RetryAfter(wait))
	write(c, http.StatusTooManyRequests, oauth.SlowDown, description)
}

// RetryAfter writes a time to wait for the header of that name (RFC 9110 §10.2.3): in whole seconds, and not too few.
func RetryAfter(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

// NotFound answers a path that does not exist.
func NotFound(c *gin.Context) {
	write(c, http.StatusNotFound, oauth.InvalidRequest, "there is no such endpoint")
}

// MethodNotAllowed answers a method that the endpoint does not have; the router has set Allow.
func MethodNotAllowed(c *gin.Context) {
	write(c, http.StatusMethodNotAllowed, oauth.InvalidRequest, "the endpoint does not have this method")
}

func write(c *gin.Context, status int, code oauth.Code, description string) {
	noStore(c)
	c.Set("error_code", string(code))
	c.Abort()
	c.PureJSON(status, struct {
		Error       oauth.Code `json:"error"`
		Description string     `json:"error_description"`
	}{code, description})
}

// noStore keeps every answer of the token endpoint out of caches (RFC 6749 §5.1).
func noStore(c *gin.Context) { maps.Copy(c.Writer.Header(), unstored) }

var unstored = http.Header{"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}}
