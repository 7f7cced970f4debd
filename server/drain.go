package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// net/http's Shutdown throws away a request that it reads in the same moment, and the kernel resets connections that
// nobody has accepted when a listener is closed. So the server stops in steps of its own: the door lets in all who
// stand before it and shuts; the traffic flows off; only then there is nothing that Shutdown could cut off.

// door is a listener that can be shut without turning away those who stand before it.
type door struct{ net.Listener }

// Accept answers net.ErrClosed when the door has been shut.
func (d door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// As it is, net/http takes it for a moment's trouble and tries again.
		return nil, net.ErrClosed
	}
	return conn, err
}

// shut ends Accept as soon as nobody stands before the door, but no later than in a moment.
func (d door) shut() {
	if listener, ok := d.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		listener.SetDeadline(time.Now().Add(5 * time.Millisecond))
		return
	}
	d.Close()
}

// traffic knows the connections on which a request may be under way. Its zero value is ready.
type traffic struct {
	mu   sync.Mutex
	busy map[net.Conn]struct{}
}

// observe is the http.Server's ConnState.
func (t *traffic) observe(conn net.Conn, state http.ConnState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		if t.busy == nil {
			t.busy = make(map[net.Conn]struct{})
		}
		t.busy[conn] = struct{}{}
	default:
		delete(t.busy, conn)
	}
}

// flowOff waits until no request is under way.
func (t *traffic) flowOff(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		t.mu.Lock()
		busy := len(t.busy)
		t.mu.Unlock()
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
