package bearer

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrReplaysFull is answered while the memory holds as many proofs as it may. A proof that cannot be remembered
// could be used again, so it is not taken; the answer is 503, and the time of a proof is short.
var ErrReplaysFull = errors.New("the memory of used proofs is full")

// ReplayMemory is a [Replays] in the memory of one process, bounded in size, and in time by that of the proofs.
type ReplayMemory struct {
	most int
	now  func() time.Time

	mu   sync.Mutex
	used map[string]bool
	// byEnd holds the ids by the second in which they may be forgotten.
	byEnd map[int64][]string
	swept int64 // Up to this second everything is forgotten.
}

// NewReplayMemory makes a memory for this many proofs. An entry takes about 150 bytes.
func NewReplayMemory(most int, now func() time.Time) *ReplayMemory {
	return &ReplayMemory{most: most, now: now, used: make(map[string]bool), byEnd: make(map[int64][]string)}
}

// Use marks the id as used until the time.
func (m *ReplayMemory) Use(_ context.Context, id string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(m.now().Unix())
	if m.used[id] {
		return false, nil
	}
	if len(m.used) >= m.most {
		return false, ErrReplaysFull
	}
	m.used[id] = true
	m.byEnd[until.Unix()] = append(m.byEnd[until.Unix()], id)
	return true, nil
}

// forget removes what ended before this second. There are no more seconds than the window of proofs has, so once a
// second all of them are looked at.
func (m *ReplayMemory) forget(now int64) {
	if now == m.swept {
		return
	}
	m.swept = now
	for end, ids := range m.byEnd {
		if end >= now {
			continue
		}
		for _, id := range ids {
			delete(m.used, id)
		}
		delete(m.byEnd, end)
	}
}
