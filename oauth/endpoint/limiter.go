package endpoint

import (
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/latchkey-auth/latchkey/oauth"
)

// maxLimited is how many a Limiter remembers: those that came last. One that is forgotten begins anew.
const maxLimited = 10_000

// Limiter holds each of many to a limit: burst times at once, and then so many times a second. It is safe for concurrent
// use. Each replica has its own.
type Limiter[K comparable] struct {
	perSecond rate.Limit
	burst     int
	mu        sync.Mutex
	limited   *simplelru.LRU[K, *rate.Limiter]
}

// Burst answers how many may come at once where so many may come a second: what comes in ten seconds, for programs of one
// client often start together.
func Burst(perSecond float64) int { return max(1, int(10*perSecond)) }

// NewLimiter makes a Limiter that remembers nobody yet.
func NewLimiter[K comparable](perSecond rate.Limit, burst int) *Limiter[K] {
	// An LRU is refused for a size below 1 alone.
	limited, _ := simplelru.NewLRU[K, *rate.Limiter](maxLimited, nil)
	return &Limiter[K]{perSecond: perSecond, burst: burst, limited: limited}
}

// Wait counts one time more, or answers how long to wait before it; whoever must wait has used up nothing.
func (l *Limiter[K]) Wait(who K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, known := l.limited.Get(who)
	if !known {
		own = rate.NewLimiter(l.perSecond, l.burst)
		l.limited.Add(who, own)
	}
	if own.AllowN(now, 1) {
		return 0
	}
	return l.until(own, now)
}

// Peek answers what Wait would, and counts nothing.
func (l *Limiter[K]) Peek(who K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, known := l.limited.Get(who)
	if !known || own.TokensAt(now) >= 1 {
		return 0
	}
	return l.until(own, now)
}

func (l *Limiter[K]) until(own *rate.Limiter, now time.Time) time.Duration {
	return time.Duration((1 - own.TokensAt(now)) / float64(l.perSecond) * float64(time.Second))
}

// check refuses a request of an authenticated client that is one too many.
func (l Limits) check(clientID string) error {
	if l.Clients == nil {
		return nil
	}
	wait := l.Clients.Peek(clientID, time.Now())
	if wait == 0 {
		return nil
	}
	return &oauth.Error{
		Code: oauth.SlowDown, Description: "too many requests of this client: wait before the next",
		Reason: oauth.ReasonRate, Wait: wait,
	}
}

// count counts a request of an authenticated client, if it was the client's own: of what was refused because it had been
// sent before, nobody knows who sent it again.
func (l Limits) count(clientID string, err error) {
	refusal, refused := errors.AsType[*oauth.Error](err)
	if l.Clients != nil && !(refused && refusal.Code == oauth.InvalidClient) {
		l.Clients.Wait(clientID, time.Now())
	}
}
