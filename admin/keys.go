package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Keys looks after the signing keys. Every replica may do so at once: the database lets one act after the other, and
// whoever comes second finds nothing left to do.
type Keys struct {
	Store Store
	// Rotation is the policy. Its Algorithms are the installation's; those that APIs ask for come to them.
	Rotation oauth.Rotation
	Maker    oauth.KeyMaker
	Now      func() time.Time
}

// List answers all keys that are published.
func (k Keys) List(ctx context.Context, actor Actor) ([]oauth.SigningKey, error) {
	if err := actor.requireEverywhere(KeysRead); err != nil {
		return nil, err
	}
	keys, err := k.Store.SigningKeys(ctx)
	now := k.Now()
	return slices.DeleteFunc(keys, func(key oauth.SigningKey) bool { return key.State(now) == oauth.KeyGone }), err
}

// Rotate lets the next keys sign: now, or as soon as every verifier can know them. It answers
// [oauth.ErrRotationRunning] when the last rotation is too recent for that.
func (k Keys) Rotate(ctx context.Context, actor Actor) ([]oauth.SigningKey, error) {
	if err := actor.requireEverywhere(KeysWrite); err != nil {
		return nil, err
	}
	return k.update(ctx, actor, "keys.rotated", "keys", oauth.Rotation.Rotate)
}

// Revoke ends a key that must not be trusted: it leaves the JWKS at once, no token that it signed is in force with
// us any longer, and another key signs. Verifiers that have kept the JWKS believe it until they fetch it again.
func (k Keys) Revoke(ctx context.Context, actor Actor, kid string) ([]oauth.SigningKey, error) {
	if err := actor.requireEverywhere(KeysWrite); err != nil {
		return nil, err
	}
	return k.update(ctx, actor, "key.revoked", kid, func(r oauth.Rotation, keys []oauth.SigningKey, now time.Time) ([]oauth.SigningKey, error) {
		left, err := r.Revoke(keys, kid, now)
		if err != nil {
			return nil, notFound("signing key", kid)
		}
		return left, nil
	})
}

// Tend does what is due: it makes the first keys, the next ones, and forgets those that are gone.
func (k Keys) Tend(ctx context.Context) error {
	_, err := k.update(ctx, System("key rotation"), "", "", func(r oauth.Rotation, keys []oauth.SigningKey, now time.Time) ([]oauth.SigningKey, error) {
		return r.Plan(keys, now), nil
	})
	return err
}

// TendEvery is how often Tend should be called.
func (k Keys) TendEvery() time.Duration {
	return max(100*time.Millisecond, min(time.Minute, k.Rotation.Period/20))
}

// update stores what decide answers, with an Event for the act, if it has a name, and for every key made or
// forgotten.
func (k Keys) update(
	ctx context.Context, actor Actor, act, target string,
	decide func(oauth.Rotation, []oauth.SigningKey, time.Time) ([]oauth.SigningKey, error),
) (after []oauth.SigningKey, err error) {
	rotation, err := k.rotation(ctx)
	if err != nil {
		return nil, err
	}
	before, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	// An RSA key takes a second to make, and all other writers would wait for it. So what seems to be needed is made
	// before anybody has to wait.
	foreseen, err := decide(rotation, before, k.Now())
	if err != nil {
		return nil, err
	}
	spare, err := k.make(foreseen)
	if err != nil {
		return nil, err
	}
	err = k.Store.UpdateKeys(ctx, func(keys []oauth.SigningKey) ([]oauth.SigningKey, []Event, error) {
		now := k.Now()
		decided, err := decide(rotation, keys, now)
		if err != nil {
			return nil, nil, err
		}
		if err := k.fill(decided, &spare); err != nil {
			return nil, nil, err
		}
		after = decided
		return decided, keyEvents(actor, now, act, target, keys, decided), nil
	})
	return after, err
}

// rotation is the policy with the algorithms that APIs ask for.
func (k Keys) rotation(ctx context.Context) (oauth.Rotation, error) {
	rotation := k.Rotation
	apis, err := k.Store.APIs(ctx)
	if err != nil {
		return rotation, err
	}
	rotation.Algorithms = slices.Clone(rotation.Algorithms)
	for _, api := range apis {
		if api.SigningAlg != "" && !slices.Contains(rotation.Algorithms, api.SigningAlg) {
			rotation.Algorithms = append(rotation.Algorithms, api.SigningAlg)
		}
	}
	return rotation, nil
}

// make makes the keys that are yet to be made.
func (k Keys) make(keys []oauth.SigningKey) (made []oauth.SigningKey, err error) {
	for _, wanted := range keys {
		if wanted.ID != "" {
			continue
		}
		key, err := oauth.NewSigningKey(k.Maker, wanted.Algorithm, wanted.CreatedAt, wanted.ActiveFrom)
		if err != nil {
			return nil, err
		}
		made = append(made, key)
	}
	return made, nil
}

// fill puts spare keys where keys are yet to be made, and makes those that are missing.
func (k Keys) fill(keys []oauth.SigningKey, spare *[]oauth.SigningKey) error {
	for i := range keys {
		key := &keys[i]
		if key.ID != "" {
			continue
		}
		fits := func(s oauth.SigningKey) bool { return s.Algorithm == key.Algorithm }
		at := slices.IndexFunc(*spare, fits)
		if at < 0 {
			made, err := k.make(keys[i : i+1])
			if err != nil {
				return err
			}
			*spare, at = append(*spare, made...), len(*spare)
		}
		key.ID, key.Public, key.Private = (*spare)[at].ID, (*spare)[at].Public, (*spare)[at].Private
		*spare = slices.Delete(*spare, at, at+1)
	}
	return nil
}

// keyEvents tells of what differs.
func keyEvents(actor Actor, now time.Time, act, target string, before, after []oauth.SigningKey) []Event {
	var events []Event
	if act != "" {
		events = append(events, newEvent(actor, now, act, target, "", nil))
	}
	had := byID(before)
	for _, key := range after {
		old, known := had[key.ID]
		delete(had, key.ID)
		if differing := keyChanges(old, key); len(differing) > 0 {
			action := "key.created"
			if known {
				action = "key.rescheduled"
			}
			events = append(events, newEvent(actor, now, action, key.ID, "", differing))
		}
	}
	for _, key := range before {
		if _, missing := had[key.ID]; missing && !(act == "key.revoked" && key.ID == target) {
			events = append(events, newEvent(actor, now, "key.removed", key.ID, "", nil))
		}
	}
	return events
}

func byID(keys []oauth.SigningKey) map[string]oauth.SigningKey {
	found := make(map[string]oauth.SigningKey, len(keys))
	for _, key := range keys {
		found[key.ID] = key
	}
	return found
}

// keyChanges answers which fields of a key's life differ.
func keyChanges(before, after oauth.SigningKey) map[string]Change {
	differing := make(map[string]Change)
	for name, times := range map[string][2]time.Time{
		"active_from":  {before.ActiveFrom, after.ActiveFrom},
		"retired_from": {before.RetiredFrom, after.RetiredFrom},
		"gone_from":    {before.GoneFrom, after.GoneFrom},
	} {
		if !times[0].Equal(times[1]) {
			differing[name] = Change{From: instant(times[0]), To: instant(times[1])}
		}
	}
	if before.Algorithm != after.Algorithm {
		differing["algorithm"] = Change{From: quoted(before.Algorithm), To: quoted(after.Algorithm)}
	}
	return differing
}

func instant(t time.Time) json.RawMessage {
	if t.IsZero() {
		return json.RawMessage("null")
	}
	return json.RawMessage(fmt.Sprintf("%q", t.Format(time.RFC3339Nano)))
}

func quoted(algorithm jose.SignatureAlgorithm) json.RawMessage {
	if algorithm == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(fmt.Sprintf("%q", string(algorithm)))
}
