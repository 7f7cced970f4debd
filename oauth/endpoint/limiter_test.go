package endpoint

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestLimiter(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	limiter := NewLimiter[string](rate.Every(6*time.Second), 3)
	for _, step := range []struct {
		who         string
		after, wait time.Duration
	}{
		{"a", 0, 0},
		{"a", 0, 0},
		{"a", 0, 0},
		{"a", 0, 6 * time.Second},
		{"a", 0, 6 * time.Second}, // Who is refused has used up nothing.
		{"a", 2 * time.Second, 4 * time.Second},
		{"b", 2 * time.Second, 0},
		{"a", 6 * time.Second, 0},
		{"a", 6 * time.Second, 6 * time.Second},
	} {
		if got := limiter.Wait(step.who, noon.Add(step.after)).Round(time.Microsecond); got != step.wait {
			t.Errorf("%s after %s waits %s, want %s", step.who, step.after, got, step.wait)
		}
	}
}

func BenchmarkLimiter(b *testing.B) {
	limiter, now := NewLimiter[string](1e9, 1<<30), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if limiter.Wait("cid", now) > 0 {
			b.Fatal("limited")
		}
	}
}
