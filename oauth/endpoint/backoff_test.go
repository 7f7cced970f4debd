package endpoint

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	clock := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	b := NewBackoff(func() time.Time { return clock })
	home, stranger, neighbour := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	expect := func(what string, from netip.Addr, id string, want time.Duration) {
		t.Helper()
		if got := b.wait(from, id); got != want {
			t.Errorf("%s: waits %s, want %s", what, got, want)
		}
	}
	for range failuresBurst {
		expect("before the last free failure", stranger, "cid", 0)
		b.fail(stranger, "cid")
	}
	expect("after the last free failure", stranger, "cid", time.Second)
	expect("the same network", neighbour, "cid", time.Second)
	expect("another client of that network", stranger, "other", 0)
	expect("the client elsewhere", home, "cid", 0)
	clock = clock.Add(time.Second)
	expect("a second later", stranger, "cid", 0)
	b.fail(stranger, "cid")
	expect("one more failure", stranger, "cid", time.Second)

	b.succeed(stranger, "proven")
	for i := range networkFailuresBurst {
		b.fail(stranger, fmt.Sprint("guess", i))
		b.fail(stranger, "proven")
	}
	expect("a network that guesses ids", stranger, "never tried", 100*time.Millisecond)
	expect("a client that is at home there", neighbour, "proven", 0)
	expect("another network", home, "never tried", 0)

	if n := testing.AllocsPerRun(100, func() { b.wait(stranger, "proven"); b.succeed(stranger, "proven") }); n != 0 {
		t.Errorf("a token of a client at home allocates %v times more", n)
	}
	for i := range 2 * maxAttempts {
		b.fail(home, fmt.Sprint(i))
		b.succeed(home, fmt.Sprint(i))
	}
	if failed, proven := b.failed.Len(), b.proven.Len(); failed != maxAttempts || proven != maxAttempts {
		t.Errorf("%d failures and %d successes are remembered", failed, proven)
	}
}

// BenchmarkBackoff is what it adds to a token, when all processors ask at once.
func BenchmarkBackoff(b *testing.B) {
	backoff, home := NewBackoff(time.Now), netip.MustParseAddr("192.0.2.1")
	backoff.succeed(home, "cid")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			backoff.wait(home, "cid")
			backoff.succeed(home, "cid")
		}
	})
}
