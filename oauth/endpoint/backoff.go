package endpoint

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// How often authentication may fail: burst times at once, and then so many a second. Whoever fails more often is told
// to slow down.
const (
	failuresBurst, failuresPerSecond               = 100, 5
	networkFailuresBurst, networkFailuresPerSecond = 1000, 50
)

// Backoff tells whoever fails to authenticate too often to slow down. It goes by the network and the client_id together,
// and more widely by the network. It judges failures alone, after they have been judged as all are: whoever proves to be
// the client is never held up, wherever and by whomever it is guessed for; and a client that there is not, or is inactive,
// is told the same as one that there is, in the same time. Each replica has its own.
type Backoff struct {
	now      func() time.Time
	seed     maphash.Seed
	attempts *Limiter[attempt]
	networks *Limiter[netip.Prefix]
}

// attempt is whence which client was tried. The id is kept as a hash: in its place a stranger may have sent a secret,
// or very much.
type attempt struct {
	network netip.Prefix
	client  uint64
}

// NewBackoff makes a Backoff that remembers nothing yet.
func NewBackoff(now func() time.Time) *Backoff {
	return &Backoff{
		now: now, seed: maphash.MakeSeed(),
		attempts: NewLimiter[attempt](failuresPerSecond, failuresBurst),
		networks: NewLimiter[netip.Prefix](networkFailuresPerSecond, networkFailuresBurst),
	}
}

// fail counts a failure, and answers how long to wait before the next one; zero if there were not too many.
func (b *Backoff) fail(from netip.Addr, clientID string) time.Duration {
	network, now := oauth.NetworkOf(from), b.now()
	return max(b.attempts.Wait(attempt{network, maphash.String(b.seed, clientID)}, now), b.networks.Wait(network, now))
}
