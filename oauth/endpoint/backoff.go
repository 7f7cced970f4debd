package endpoint

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// How often authentication may fail: burst times at once, and then so many a second. Whoever fails more often is told
// to slow down.
const (
	failuresBurst, failuresPerSecond               = 100, 5
	networkFailuresBurst, networkFailuresPerSecond = 1000, 50
	// maxAttempts is how many pairs of a network and a client are remembered, those that came last.
	maxAttempts = 10_000
)

// Backoff tells whoever fails to authenticate too often to slow down. It goes by the network and the client_id together,
// and more widely by the network. It judges failures alone, after they have been judged as all are: whoever proves to be
// the client is never held up, wherever and by whomever it is guessed for; and a client that there is not, or is inactive,
// is told the same as one that there is, in the same time. Each replica has its own.
type Backoff struct {
	now    func() time.Time
	seed   maphash.Seed
	mu     sync.Mutex
	failed *simplelru.LRU[attempt, *rate.Limiter]
}

// attempt is whence which client was tried. The id is kept as a hash: in its place a stranger may have sent a secret,
// or very much. Zero stands for all clients.
type attempt struct {
	network netip.Prefix
	client  uint64
}

// NewBackoff makes a Backoff that remembers nothing yet.
func NewBackoff(now func() time.Time) *Backoff {
	// An LRU is refused for a size below 1 alone.
	failed, _ := simplelru.NewLRU[attempt, *rate.Limiter](maxAttempts, nil)
	return &Backoff{now: now, seed: maphash.MakeSeed(), failed: failed}
}

// fail counts a failure, and answers how long to wait before the next one; zero if there were not too many.
func (b *Backoff) fail(from netip.Addr, clientID string) time.Duration {
	tried, now := b.attempt(from, clientID), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.count(tried, failuresPerSecond, failuresBurst, now),
		b.count(attempt{network: tried.network}, networkFailuresPerSecond, networkFailuresBurst, now))
}

func (b *Backoff) count(tried attempt, perSecond rate.Limit, burst int, now time.Time) time.Duration {
	failures, known := b.failed.Get(tried)
	if !known {
		failures = rate.NewLimiter(perSecond, burst)
		b.failed.Add(tried, failures)
	}
	if failures.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - failures.TokensAt(now)) / float64(perSecond) * float64(time.Second))
}

// attempt takes an IPv6 network for one address, as whoever has one has all of its addresses (RFC 6177 §2).
func (b *Backoff) attempt(from netip.Addr, clientID string) attempt {
	from = from.Unmap().WithZone("")
	bits := 64
	if from.Is4() {
		bits = 32
	}
	network, _ := from.Prefix(bits) // It fails for more bits than the address has.
	return attempt{network, max(1, maphash.String(b.seed, clientID))}
}
