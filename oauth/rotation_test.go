package oauth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var day0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func testRotation() Rotation {
	return Rotation{
		Algorithms: []jose.SignatureAlgorithm{jose.ES256},
		Period:     90 * 24 * time.Hour, Lead: 6 * time.Minute, Tail: time.Hour + time.Minute,
	}
}

// named gives the keys that are yet to be made an ID.
func named(keys []SigningKey, prefix string) []SigningKey {
	for i := range keys {
		if keys[i].ID == "" {
			keys[i].ID = fmt.Sprintf("%s-%d", prefix, i)
		}
	}
	return keys
}

func TestFirstPlan(t *testing.T) {
	r := testRotation()
	keys := named(r.Plan(nil, day0), "first")
	turn := day0.Add(r.Period)
	want := []SigningKey{
		{ID: "first-0", Algorithm: jose.ES256, CreatedAt: day0, ActiveFrom: day0, RetiredFrom: turn, GoneFrom: turn.Add(r.Tail)},
		{ID: "first-1", Algorithm: jose.ES256, CreatedAt: day0, ActiveFrom: turn},
	}
	if !reflect.DeepEqual(keys, want) {
		t.Errorf("the first keys are %+v", keys)
	}
	if again := r.Plan(keys, day0.Add(time.Hour)); !reflect.DeepEqual(again, keys) {
		t.Errorf("an hour later they should be %+v", again)
	}
}

func TestRotateIsOneAtATime(t *testing.T) {
	r := testRotation()
	keys := named(r.Plan(nil, day0), "first")
	if _, err := r.Rotate(keys, day0.Add(r.Lead-time.Second)); !errors.Is(err, ErrRotationRunning) {
		t.Errorf("rotated before anybody could know the next key: %v", err)
	}
	now := day0.Add(time.Hour)
	rotated, err := r.Rotate(keys, now)
	if err != nil {
		t.Fatal(err)
	}
	rotated = named(rotated, "second")
	if active := find(rotated, jose.ES256, KeyActive, now); active == nil || active.ID != "first-1" {
		t.Errorf("after the rotation %+v signs", active)
	}
	if _, err := r.Rotate(rotated, now); !errors.Is(err, ErrRotationRunning) {
		t.Errorf("rotated twice at once: %v", err)
	}
	if _, err := r.Rotate(rotated, now.Add(r.Lead)); err != nil {
		t.Errorf("not again after the lead: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	r := testRotation()
	keys := named(r.Plan(nil, day0), "first")
	now := day0.Add(time.Second) // Sooner than any rotation might be.
	for _, kid := range []string{"first-0", "first-1"} {
		left, err := r.Revoke(keys, kid, now)
		if err != nil {
			t.Fatal(err)
		}
		states := make(map[KeyState]int)
		for i := range left {
			states[left[i].State(now)]++
			if left[i].ID == kid {
				t.Errorf("%s is still there", kid)
			}
		}
		if !reflect.DeepEqual(states, map[KeyState]int{KeyActive: 1, KeyNext: 1}) {
			t.Errorf("without %s the keys are %v", kid, states)
		}
	}
	if _, err := r.Revoke(keys, "another", now); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked a key that is not there: %v", err)
	}
}

func TestNewAlgorithm(t *testing.T) {
	r := testRotation()
	keys := named(r.Plan(nil, day0), "first")
	r.Algorithms = []jose.SignatureAlgorithm{jose.EdDSA}
	now := day0.Add(time.Hour)
	keys = named(r.Plan(keys, now), "second")
	if next := find(keys, jose.EdDSA, KeyNext, now); next == nil || next.ActiveFrom != now.Add(r.Lead) {
		t.Errorf("the first key of a new algorithm is %+v", next)
	}
	for range 40 {
		now = now.Add(5 * 24 * time.Hour)
		keys = named(r.Plan(keys, now), now.String())
	}
	if slices.ContainsFunc(keys, func(k SigningKey) bool { return k.Algorithm == jose.ES256 }) {
		t.Errorf("%s later there is still a key that nobody wants: %+v", now.Sub(day0), keys)
	}
	if find(keys, jose.EdDSA, KeyActive, now) == nil {
		t.Error("no key signs")
	}
}

// TestRotationForYears lets several replicas plan at random times, with rotations by hand and revocations between,
// and watches what every verifier depends on.
func TestRotationForYears(t *testing.T) {
	r := testRotation()
	random := rand.New(rand.NewPCG(1, 2))
	var keys []SigningKey
	lastSigned := make(map[string]time.Time)
	prepared := make(map[string]bool) // Keys that may sign before the lead has passed.
	now := day0
	for step := range 20_000 {
		now = now.Add(time.Duration(random.Int64N(int64(2 * time.Hour))))
		before := slices.Clone(keys)
		planned := r.Plan(keys, now)
		switch random.IntN(100) {
		case 0:
			if rotated, err := r.Rotate(keys, now); err == nil {
				planned = rotated
			}
		case 1:
			if len(keys) > 0 {
				revoked := keys[random.IntN(len(keys))].ID
				planned, _ = r.Revoke(keys, revoked, now)
				delete(lastSigned, revoked)
				for i := range planned {
					if planned[i].State(now) == KeyActive {
						prepared[planned[i].ID] = true
					}
				}
			}
		}
		if !reflect.DeepEqual(before, keys) {
			t.Fatal("a plan has changed the keys it was given")
		}
		keys = named(planned, fmt.Sprint(step))
		if again := r.Plan(keys, now); !reflect.DeepEqual(again, keys) {
			t.Fatalf("step %d: the plan of a plan differs:\n%+v\n%+v", step, keys, again)
		}

		signer := find(keys, jose.ES256, KeyActive, now)
		if signer == nil || find(keys, jose.ES256, KeyNext, now) == nil {
			t.Fatalf("step %d: no key signs, or none is next: %+v", step, keys)
		}
		if _, known := lastSigned[signer.ID]; !known && step > 0 && !prepared[signer.ID] && now.Before(signer.CreatedAt.Add(r.Lead)) {
			t.Fatalf("step %d: %+v signs sooner than verifiers can know it", step, signer)
		}
		lastSigned[signer.ID] = now
		for kid, last := range lastSigned {
			if now.Before(last.Add(r.Tail)) && !slices.ContainsFunc(keys, func(k SigningKey) bool { return k.ID == kid }) {
				t.Fatalf("step %d: %s signed %s ago and is not published", step, kid, now.Sub(last))
			}
		}
		if len(keys) > 60 {
			t.Fatalf("step %d: there are %d keys", step, len(keys))
		}
	}
}
