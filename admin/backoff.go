package admin

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/latchkey-auth/latchkey/oauth"
)

// After freeFailures an attempt must wait: a second, and twice as long after each further failure.
const (
	freeFailures = 5
	longestWait  = 15 * time.Minute
	// maxBackoffs is how many pairs of an account and an address are remembered, those that failed last.
	maxBackoffs = 10_000
)

// backoff slows down whoever guesses the password of an account. It goes by account and address together, so that a
// stranger who guesses elsewhere does not lock out the one whose account it is. Each replica has its own.
type backoff struct {
	now    func() time.Time
	mu     sync.Mutex
	failed *simplelru.LRU[attempted, failures]
}

type attempted struct {
	account string
	network netip.Prefix
}

type failures struct {
	count int
	until time.Time // When the next attempt is allowed.
}

func newBackoff(now func() time.Time) *backoff {
	// An LRU is refused for a size below 1 alone.
	failed, _ := simplelru.NewLRU[attempted, failures](maxBackoffs, nil)
	return &backoff{now: now, failed: failed}
}

// begin answers how long the next attempt must wait. If it need not, it counts as failed until it succeeds, so that
// attempts at the same time do not slip through.
func (b *backoff) begin(account, address string) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, now := attemptedBy(account, address), b.now()
	failed, _ := b.failed.Get(key)
	if wait := failed.until.Sub(now); wait > 0 {
		return wait
	}
	if now.Sub(failed.until) > longestWait {
		failed = failures{}
	}
	failed.count++
	failed.until = now
	if over := failed.count - freeFailures; over >= 0 {
		failed.until = now.Add(min(time.Second<<min(over, 30), longestWait))
	}
	b.failed.Add(key, failed)
	return 0
}

// succeed forgets the failures.
func (b *backoff) succeed(account, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed.Remove(attemptedBy(account, address))
}

func attemptedBy(account, address string) attempted {
	parsed, _ := netip.ParseAddr(address)
	return attempted{account[:min(len(account), maxEmailBytes)], oauth.NetworkOf(parsed)}
}
