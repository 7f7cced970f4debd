package oauth

import (
	"fmt"
	"sync"
	"time"
)

// TokenQuota is how many tokens a client is issued at most; zero is any number.
type TokenQuota struct {
	PerHour int64 // Of the clock.
	PerDay  int64 // In UTC.
}

// quotas counts the tokens of those clients that have a quota. A token writes nothing to the database, and so each
// replica counts for itself, from its start on: a quota holds a program that runs wild, and is no bill. It holds no more
// than the clients of one day.
type quotas struct {
	mu        sync.Mutex
	hour, day tally
}

// tally counts by client within one span of time.
type tally struct {
	begin  time.Time
	counts map[string]int64
}

// of answers how many the client has had in the span that now lies in.
func (t *tally) of(clientID string, now time.Time, span time.Duration) int64 {
	if begin := now.Truncate(span); t.counts == nil || !t.begin.Equal(begin) {
		t.begin, t.counts = begin, make(map[string]int64)
	}
	return t.counts[clientID]
}

const hour, day = time.Hour, 24 * time.Hour

// check refuses a client that has used up its quota.
func (q *quotas) check(client *Client, now time.Time) error {
	if client.Quota == (TokenQuota{}) {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left(client, now)
}

// take counts a token of the client, or refuses it.
func (q *quotas) take(client *Client, now time.Time) error {
	if client.Quota == (TokenQuota{}) {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.left(client, now); err != nil {
		return err
	}
	q.hour.counts[client.ID]++
	q.day.counts[client.ID]++
	return nil
}

func (q *quotas) left(client *Client, now time.Time) error {
	inHour, inDay := q.hour.of(client.ID, now, hour), q.day.of(client.ID, now, day)
	switch quota := client.Quota; {
	case quota.PerDay > 0 && inDay >= quota.PerDay:
		return usedUp(quota.PerDay, "day", q.day.begin.Add(day).Sub(now))
	case quota.PerHour > 0 && inHour >= quota.PerHour:
		return usedUp(quota.PerHour, "hour", q.hour.begin.Add(hour).Sub(now))
	default:
		return nil
	}
}

func usedUp(tokens int64, span string, wait time.Duration) error {
	return &Error{
		Code: SlowDown, Description: fmt.Sprintf("the token quota of this %s is used up", span),
		Err: fmt.Errorf("%d tokens a %s are allowed", tokens, span), Reason: ReasonQuota, Wait: wait,
	}
}
