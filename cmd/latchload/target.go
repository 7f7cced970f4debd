package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	// patience is the longest an answer may take; a server that hangs must not hang the measurement.
	patience = 15 * time.Second
	// maxAnswer is more than any answer that is measured.
	maxAnswer = 4 << 20
)

// target is a server on this machine.
type target struct {
	base    *url.URL
	address string
	// awake connections ask for an answer again and again until it is there, on a core that nothing else needs.
	awake bool
}

func newTarget(text string) (target, error) {
	base, err := url.Parse(text)
	if err != nil {
		return target{}, errors.New("the URL of the server is not one")
	}
	if base.Scheme != "http" || base.Port() == "" {
		return target{}, fmt.Errorf("%q must be http://HOST:PORT", text)
	}
	return target{base: base, address: base.Host}, nil
}

// dialer reaches loopback alone: load is for nobody else's machine. It judges the address after every name has been
// resolved.
func dialer() *net.Dialer {
	return &net.Dialer{Timeout: patience, Control: func(_, address string, _ syscall.RawConn) error {
		if resolved, err := netip.ParseAddrPort(address); err != nil || !resolved.Addr().IsLoopback() {
			return fmt.Errorf("%s is not a loopback address, and load is for this machine alone", address)
		}
		return nil
	}}
}

// client makes an HTTP client for what is not measured.
func (t target) client() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dialer().DialContext}}
}

// get answers the body of a document.
func (t target) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := t.client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", path, response.Status)
	}
	return body, err
}

// conn is a keep-alive connection with at most one request under way. net/http's own client would take two goroutines
// a connection, and half as long again.
type conn struct {
	net.Conn
	polled syscall.RawConn // Of a connection that is awake.
	reader *bufio.Reader
	body   bytes.Buffer
}

func (t target) dial(ctx context.Context) (*conn, error) {
	raw, err := dialer().DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw}
	if t.awake {
		if c.polled, err = raw.(*net.TCPConn).SyscallConn(); err != nil {
			return nil, err
		}
	}
	c.reader = bufio.NewReaderSize(c, 8<<10)
	return c, nil
}

// Read implements io.Reader. A connection that is awake never sleeps, for it is the server that pays for waking it: a
// sixth of a token on a virtual machine. Who asks a real server sleeps on a machine of his own.
func (c *conn) Read(p []byte) (n int, err error) {
	if c.polled == nil {
		return c.Conn.Read(p)
	}
	for {
		closed := c.polled.Read(func(fd uintptr) bool {
			n, err = syscall.Read(int(fd), p)
			return true
		})
		switch {
		case closed != nil: // Or the deadline has passed.
			return 0, closed
		case err == syscall.EAGAIN:
			yield()
		case err == nil && n == 0:
			return 0, io.EOF
		default:
			return max(0, n), err
		}
	}
}

// exchange sends one whole request. The body it answers is valid until the next call.
func (c *conn) exchange(request []byte) (status int, body []byte, err error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, nil, err
	}
	c.body.Reset()
	if _, err := c.body.ReadFrom(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return 0, nil, err
	}
	if response.Close {
		err = io.EOF // The server wants no more requests on this connection.
	}
	return response.StatusCode, c.body.Bytes(), err
}
