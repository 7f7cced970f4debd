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
		if got := b.fail(from, id); got != want {
			t.Errorf("%s: waits %s, want %s", what, got, want)
		}
	}
	for range failuresBurst {
		expect("a free failure", stranger, "cid", 0)
	}
	expect("after the last free failure", stranger, "cid", time.Second/failuresPerSecond)
	expect("the same network", neighbour, "cid", time.Second/failuresPerSecond)
	expect("another client of that network", stranger, "other", 0)
	expect("the client elsewhere", home, "cid", 0)
	clock = clock.Add(time.Second / failuresPerSecond)
	expect("a while later", stranger, "cid", 0)
	expect("one more failure", stranger, "cid", time.Second/failuresPerSecond)

	for i := range networkFailuresBurst {
		b.fail(stranger, fmt.Sprint("guess", i))
	}
	expect("a network that guesses ids", stranger, "never tried", time.Second/networkFailuresPerSecond)
	expect("another network", home, "never tried", 0)

	for i := range 2 * maxLimited {
		b.fail(home, fmt.Sprint(i))
	}
	if failed := b.attempts.limited.Len(); failed != maxLimited {
		t.Errorf("%d failures are remembered", failed)
	}
}
