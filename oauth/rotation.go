package oauth

import (
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Rotation is the policy by which signing keys take turns. Its methods are pure: they take the keys as they are and
// answer them as they should be. A key without an ID is yet to be made; a key that is missing is to be forgotten.
//
// Beside the key that signs there is always the next one, published long before its turn: so a scheduled rotation
// finds every verifier prepared, and so does an emergency.
type Rotation struct {
	// Algorithms are those that tokens are signed with, each by keys of its own.
	Algorithms []jose.SignatureAlgorithm
	// Period is how long a key signs. A change of it holds for the keys made later.
	Period time.Duration
	// Lead is how long a key is published before it signs: at least the max-age of the JWKS and the skew of clocks.
	Lead time.Duration
	// Tail is how long a key stays published after it has signed last: at least the longest life of a token and the
	// skew of clocks.
	Tail time.Duration
}

// ErrRotationRunning says that the last rotation is so recent that not every verifier can know the next key yet.
var ErrRotationRunning = errors.New("a rotation is running")

// Plan answers the keys as they should be at this time. What it answers for its own answer is the same, until the
// next turn is due.
//
// An algorithm that is no longer wanted gets no new key. Its last ones live as long as they were meant to.
func (r Rotation) Plan(keys []SigningKey, now time.Time) []SigningKey {
	planned := slices.DeleteFunc(slices.Clone(keys), func(k SigningKey) bool { return k.State(now) == KeyGone })
	if !slices.ContainsFunc(planned, func(k SigningKey) bool { return k.State(now) == KeyActive }) {
		promote(planned, now)
	}
	for _, algorithm := range r.Algorithms {
		planned = r.planFor(algorithm, planned, now)
	}
	for i := range planned {
		key := &planned[i]
		if key.State(now) != KeyActive {
			continue
		}
		if key.RetiredFrom.IsZero() { // Nobody wants its algorithm any longer.
			key.RetiredFrom = later(key.ActiveFrom.Add(r.Period), now.Add(r.Lead))
		}
		// Tokens may live longer by now than when the key's end was set.
		key.GoneFrom = later(key.GoneFrom, key.RetiredFrom.Add(r.Tail))
	}
	return planned
}

func (r Rotation) planFor(algorithm jose.SignatureAlgorithm, keys []SigningKey, now time.Time) []SigningKey {
	active, next := find(keys, algorithm, KeyActive, now), find(keys, algorithm, KeyNext, now)
	switch {
	case active == nil && next != nil:
		return keys
	case active == nil:
		// Nobody knows this key yet. Until its turn the others sign, if there are any.
		from := now
		if len(keys) > 0 {
			from = now.Add(r.Lead)
		}
		keys = append(keys, SigningKey{Algorithm: algorithm, CreatedAt: now, ActiveFrom: from})
		if from.After(now) {
			return keys
		}
		active = &keys[len(keys)-1]
	case next != nil:
		return keys
	}
	turn := later(active.ActiveFrom.Add(r.Period), now.Add(r.Lead))
	active.RetiredFrom, active.GoneFrom = turn, turn.Add(r.Tail)
	return append(keys, SigningKey{Algorithm: algorithm, CreatedAt: now, ActiveFrom: turn})
}

// Rotate answers the keys after the next ones have taken over: now, or as soon as they have been published for long
// enough. It answers [ErrRotationRunning] while that is so, and for a while after.
func (r Rotation) Rotate(keys []SigningKey, now time.Time) ([]SigningKey, error) {
	keys = r.Plan(keys, now)
	for _, algorithm := range r.Algorithms {
		active, next := find(keys, algorithm, KeyActive, now), find(keys, algorithm, KeyNext, now)
		if active == nil || next == nil || next.ID == "" || now.Before(active.ActiveFrom.Add(r.Lead)) {
			return nil, ErrRotationRunning
		}
		turn := later(now, next.CreatedAt.Add(r.Lead))
		if !turn.Before(next.ActiveFrom) {
			return nil, ErrRotationRunning
		}
		active.RetiredFrom, active.GoneFrom = turn, turn.Add(r.Tail)
		next.ActiveFrom = turn
	}
	return r.Plan(keys, now), nil
}

// Revoke answers the keys without one that must not be trusted any longer. If it was signing, the next one signs at
// once. It answers [ErrNotFound] if there is no such key.
func (r Rotation) Revoke(keys []SigningKey, kid string, now time.Time) ([]SigningKey, error) {
	at := slices.IndexFunc(keys, func(k SigningKey) bool { return k.ID == kid })
	if at < 0 {
		return nil, ErrNotFound
	}
	revoked := keys[at]
	keys = slices.Delete(slices.Clone(keys), at, at+1)
	switch revoked.State(now) {
	case KeyActive:
		if next := find(keys, revoked.Algorithm, KeyNext, now); next != nil {
			next.ActiveFrom = now
		} else if slices.Contains(r.Algorithms, revoked.Algorithm) {
			keys = append(keys, SigningKey{Algorithm: revoked.Algorithm, CreatedAt: now, ActiveFrom: now})
		}
	case KeyNext:
		if active := find(keys, revoked.Algorithm, KeyActive, now); active != nil {
			active.RetiredFrom, active.GoneFrom = time.Time{}, time.Time{} // Until its new successor is made.
		}
	}
	return r.Plan(keys, now), nil
}

// promote lets every key sign that was to sign later: there is no other.
func promote(keys []SigningKey, now time.Time) {
	for i := range keys {
		if keys[i].State(now) == KeyNext {
			keys[i].ActiveFrom = now
		}
	}
}

// find answers the newest key of an algorithm in this state, or nil.
func find(keys []SigningKey, algorithm jose.SignatureAlgorithm, state KeyState, now time.Time) *SigningKey {
	var found *SigningKey
	for i := range keys {
		key := &keys[i]
		if key.Algorithm == algorithm && key.State(now) == state && (found == nil || !key.ActiveFrom.Before(found.ActiveFrom)) {
			found = key
		}
	}
	return found
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
