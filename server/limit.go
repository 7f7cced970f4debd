package server

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/latchkey-auth/latchkey/admin/rest"
)

// maxAddresses is how many addresses a limiter remembers: those that came last. One that is forgotten begins anew.
const maxAddresses = 10_000

// limit is how often something may be done: burst times at once, and then one time every so long.
type limit struct {
	every time.Duration
	burst int
}

// limiter holds each address to a limit. It is safe for concurrent use.
type limiter struct {
	limit     limit
	mu        sync.Mutex
	addresses *simplelru.LRU[netip.Prefix, *rate.Limiter]
}

func newLimiter(limit limit) *limiter {
	// An LRU is refused for a size below 1 alone.
	addresses, _ := simplelru.NewLRU[netip.Prefix, *rate.Limiter](maxAddresses, nil)
	return &limiter{limit: limit, addresses: addresses}
}

// wait answers how long the address must wait before it may do it; zero if it may do it now.
func (l *limiter) wait(address string, now time.Time) time.Duration {
	who := networkOf(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	own, known := l.addresses.Get(who)
	if !known {
		own = rate.NewLimiter(rate.Every(l.limit.every), l.limit.burst)
		l.addresses.Add(who, own)
	}
	turn := own.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay > 0 {
		turn.CancelAt(now)
	}
	return delay
}

// networkOf answers whom an address belongs to: of IPv6, a whole network is one subscriber's (RFC 6177 §2).
func networkOf(address string) netip.Prefix {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{} // All that have none share one turn.
	}
	parsed = parsed.Unmap()
	bits := 64
	if parsed.Is4() {
		bits = 32
	}
	network, _ := parsed.Prefix(bits) // It fails for more bits than the address has.
	return network
}

// perAddress holds each address to a limit of requests, and answers those beyond it 429 (RFC 6585 §4).
func (s *Server) perAddress(limit limit) gin.HandlerFunc {
	limiter := newLimiter(limit)
	return func(c *gin.Context) {
		wait := limiter.wait(c.ClientIP(), time.Now())
		if wait == 0 {
			return
		}
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		rest.WriteProblem(c, s.config.Issuer, rest.Problem{Type: "too-many-requests", Status: http.StatusTooManyRequests,
			Detail: "Too many requests of this kind come from your address."})
	}
}
