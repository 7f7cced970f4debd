package admin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// Within refusalWindow the same refusal leaves one event, and an actor at most maxRefusals of them.
	refusalWindow = time.Minute
	maxRefusals   = 20
	// maxRefused is how many actors are remembered.
	maxRefused = 1000
	// refusalPatience bounds the work on one event, which does not end when the caller goes away.
	refusalPatience = 5 * time.Second
	maxTargetChars  = 100
)

// notGrantable is the code of a field that would give what the actor does not hold.
const notGrantable = "not_grantable"

// Refusals leaves an Event of every attempt that was refused. So that nobody can fill the trail with them, repetitions
// and whatever exceeds the limit of an actor are counted, and the next event of the actor says how many there were.
// All that fail to sign in count as one actor. It is safe for concurrent use; each replica has its own.
type Refusals struct {
	store TrailStore
	now   func() time.Time
	mu    sync.Mutex
	seen  *simplelru.LRU[refusedActor, *refusalCount]
}

type refusedActor struct {
	kind ActorKind
	id   string
}

// refusalCount is what an actor was refused since a moment.
type refusalCount struct {
	since   time.Time
	stored  map[string]bool // By action and target.
	omitted int             // Not stored since the last event that said how many.
}

// NewRefusals makes a Refusals. Now answers the time in UTC, in whole microseconds.
func NewRefusals(store TrailStore, now func() time.Time) *Refusals {
	// An LRU is refused for a size below 1 alone.
	seen, _ := simplelru.NewLRU[refusedActor, *refusalCount](maxRefused, nil)
	return &Refusals{store: store, now: now, seen: seen}
}

// Note leaves an event if the error that an attempt ended in is a refusal: a missing right, something out of reach, a
// grant of what the actor does not hold, or a sign-in that failed. For an actor bound to an org, what does not exist
// counts as out of reach: otherwise the time that an event takes would tell the two apart. The attempt is a noun and a
// verb,
// "credential.change", and the target what it was aimed at. The answer must wait for Note, and must not tell of the
// refusal if Note fails.
func (r *Refusals) Note(ctx context.Context, actor Actor, attempt, target string, err error) error {
	reason := refusal(actor, err)
	if reason == "" {
		return nil
	}
	target = storedTarget(target)
	who, what := refusedActor{actor.Kind, actor.ID}, attempt+" "+target
	omitted, store := r.count(who, what)
	if !store {
		return nil
	}
	said := map[string]any{"reason": reason}
	if omitted > 0 {
		said["refusals_omitted"] = omitted
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalPatience)
	defer cancel()
	err = r.store.AddEvent(ctx, newEvent(actor, r.now(), attempt+"_refused", target, actor.Org, differing(nil, marshalled(said))))
	if err != nil {
		r.takeBack(who, what, omitted)
	}
	return err
}

// refusal answers why an attempt was refused; nothing if it was not, or failed in another way.
func refusal(actor Actor, err error) string {
	var (
		forbidden *ForbiddenError
		fields    FieldErrors
	)
	switch {
	case errors.As(err, &forbidden):
		return forbidden.Error()
	case errors.Is(err, oauth.ErrNotFound) && actor.Org != "":
		return "it does not exist, or is out of reach"
	case errors.Is(err, ErrSignIn):
		return ErrSignIn.Error()
	case errors.Is(err, ErrCodeWrong):
		return ErrCodeWrong.Error()
	case errors.Is(err, ErrNoRole):
		return ErrNoRole.Error()
	case errors.As(err, &fields):
		var beyond FieldErrors
		for _, field := range fields {
			if field.Code == notGrantable {
				beyond = append(beyond, field)
			}
		}
		return beyond.Error()
	default:
		return ""
	}
}

// count answers whether a refusal is to be stored and, if so, how many were omitted before.
func (r *Refusals) count(actor refusedActor, what string) (omitted int, store bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count, known := r.seen.Get(actor)
	if !known {
		count = new(refusalCount)
		r.seen.Add(actor, count)
	}
	if now := r.now(); now.Sub(count.since) >= refusalWindow {
		count.since, count.stored = now, make(map[string]bool)
	}
	if count.stored[what] || len(count.stored) >= maxRefusals {
		count.omitted++
		return 0, false
	}
	count.stored[what] = true
	omitted, count.omitted = count.omitted, 0
	return omitted, true
}

// takeBack forgets a refusal that could not be stored, so that the next one is.
func (r *Refusals) takeBack(actor refusedActor, what string, omitted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if count, known := r.seen.Get(actor); known {
		delete(count.stored, what)
		count.omitted += omitted
	}
}

// storedTarget makes a target, which may be anything that a path can hold, fit for the trail.
func storedTarget(target string) string {
	target = strings.ReplaceAll(strings.ToValidUTF8(target, "�"), "\x00", "�")
	if chars := []rune(target); len(chars) > maxTargetChars {
		return string(chars[:maxTargetChars]) + "…"
	}
	return target
}
