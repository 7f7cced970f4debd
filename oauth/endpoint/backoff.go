package endpoint

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// How often authentication may fail before the next attempt must wait: burst times at once, and then so many a second.
// Whoever repeats a wrong secret in a loop is answered once a second, and is answered at once when it is right.
const (
	failuresBurst, failuresPerSecond               = 20, 1
	networkFailuresBurst, networkFailuresPerSecond = 200, 10
	// maxAttempts is how many pairs of a network and a client are remembered, those that came last.
	maxAttempts = 10_000
)

// Backoff slows down whoever fails to authenticate, and keeps what is tried in vain from the database. It goes by the
// network and the client_id together, and more widely by the network, so that a stranger elsewhere holds up nobody. A
// client that last succeeded from a network is never held up there: a stranger behind the same address cannot lock it
// out either. What is tried is counted before it is known whether there is such a client. Each replica has its own.
type Backoff struct {
	now    func() time.Time
	seed   maphash.Seed
	mu     sync.Mutex
	failed *simplelru.LRU[attempt, *rate.Limiter]
	proven *simplelru.LRU[attempt, struct{}]
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
	proven, _ := simplelru.NewLRU[attempt, struct{}](maxAttempts, nil)
	return &Backoff{now: now, seed: maphash.MakeSeed(), failed: failed, proven: proven}
}

// wait answers how long the next attempt must wait; zero if it need not.
func (b *Backoff) wait(from netip.Addr, clientID string) time.Duration {
	tried, now := b.attempt(from, clientID), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proven.Contains(tried) {
		return 0
	}
	return max(b.owed(tried, now), b.owed(attempt{network: tried.network}, now))
}

// owed answers how long it takes until one more failure is allowed.
func (b *Backoff) owed(tried attempt, now time.Time) time.Duration {
	failures, known := b.failed.Peek(tried)
	if !known {
		return 0
	}
	missing := 1 - failures.TokensAt(now)
	return max(0, time.Duration(missing/float64(failures.Limit())*float64(time.Second)))
}

// fail counts a failure.
func (b *Backoff) fail(from netip.Addr, clientID string) {
	tried, now := b.attempt(from, clientID), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(tried, failuresPerSecond, failuresBurst, now)
	b.count(attempt{network: tried.network}, networkFailuresPerSecond, networkFailuresBurst, now)
}

func (b *Backoff) count(tried attempt, perSecond rate.Limit, burst int, now time.Time) {
	failures, known := b.failed.Get(tried)
	if !known {
		failures = rate.NewLimiter(perSecond, burst)
		b.failed.Add(tried, failures)
	}
	failures.AllowN(now, 1)
}

// succeed remembers that the client is at home in this network.
func (b *Backoff) succeed(from netip.Addr, clientID string) {
	proven := b.attempt(from, clientID)
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.proven.Get(proven); !known {
		b.proven.Add(proven, struct{}{})
	}
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
