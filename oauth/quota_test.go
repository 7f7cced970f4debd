package oauth

import (
	"errors"
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	var counted quotas
	client, other := &Client{ID: "cid", Quota: TokenQuota{PerHour: 2, PerDay: 3}}, &Client{ID: "other", Quota: TokenQuota{PerDay: 1}}
	noon := time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC)
	for i, step := range []struct {
		client *Client
		after  time.Duration
		wait   time.Duration
	}{
		{client, 0, 0},
		{client, 0, 0},
		{client, 0, 30 * time.Minute},
		{other, 0, 0},
		{other, 0, 11*time.Hour + 30*time.Minute},
		{client, 29 * time.Minute, time.Minute},
		{client, 30 * time.Minute, 0},
		{client, 31 * time.Minute, 10*time.Hour + 59*time.Minute}, // The day's, though the hour has one left.
		{other, 11*time.Hour + 30*time.Minute, 0},
		{client, 11*time.Hour + 30*time.Minute, 0},
		{&Client{ID: "any"}, 0, 0},
	} {
		now := noon.Add(step.after)
		var refusal *Error
		if err := counted.check(step.client, now); errors.As(err, &refusal) != (step.wait > 0) {
			t.Errorf("step %d: checked: %v", i, err)
		}
		wait := time.Duration(0)
		if err := counted.take(step.client, now); errors.As(err, &refusal) {
			wait = refusal.Wait
		}
		if wait != step.wait {
			t.Errorf("step %d: waits %s, want %s", i, wait, step.wait)
		}
	}
	if n := len(counted.day.counts); n != 2 {
		t.Errorf("%d clients are remembered", n)
	}
}
