package server

import (
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
)

// perAddress holds each network to so many requests a second, after burst at once, and answers those beyond 429
// (RFC 6585 §4).
func (f faces) perAddress(perSecond rate.Limit, burst int) gin.HandlerFunc {
	limiter := endpoint.NewLimiter[netip.Prefix](perSecond, burst)
	return func(c *gin.Context) {
		address, _ := netip.ParseAddr(c.ClientIP()) // All that have none share one turn.
		if wait := limiter.Wait(oauth.NetworkOf(address), time.Now()); wait > 0 {
			f.tooMany(c, wait)
		}
	}
}
