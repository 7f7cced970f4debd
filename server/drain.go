package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
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
	if err != nil {
		return nil, err
	}
	return &guest{Conn: conn}, nil
}

// guest is a connection that came in by the door.
type guest struct {
	net.Conn
	busy bool // A request may be under way.
}

// CloseWrite lets net/http say that it has answered all it will, before it is sure that the client has read it.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// shut ends Accept as soon as nobody stands before the door, but no later than in a moment.
func (d door) shut() {
	if listener, ok := d.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		listener.SetDeadline(time.Now().Add(5 * time.Millisecond))
		return
	}
	d.Close()
}

// traffic counts the guests that are busy. Its zero value is ready.
type traffic struct{ busy atomic.Int64 }

// observe is the http.Server's ConnState. Of one connection, net/http tells one state after the other.
func (t *traffic) observe(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	guest := conn.(*guest)
	busy := state == http.StateNew || state == http.StateActive
	switch {
	case busy && !guest.busy:
		t.busy.Add(1)
	case !busy && guest.busy:
		t.busy.Add(-1)
	}
	guest.busy = busy
}

// flowOff waits until no request is under way.
func (t *traffic) flowOff(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for t.busy.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
