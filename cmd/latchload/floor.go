package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// floorCommand is latchload floor.
type floorCommand struct {
	Connections int           `default:"64" short:"c" help:"How many connections to keep busy."`
	Duration    time.Duration `default:"2s" short:"d" help:"For how long."`
}

// Run measures the floors and prints them.
func (c *floorCommand) Run(ctx context.Context, stdout io.Writer) error {
	if err := pinSelf(); err != nil {
		return err
	}
	server, err := startFloorServer(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	f, err := server.measure(ctx, c.Connections, c.Duration)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "requests %.0f/s, signatures %.0f/s, both %.0f/s; of the processor %s, %s, both %s\n",
		1/f.request.Clock.Seconds(), 1/f.signature.Clock.Seconds(), f.ceiling(),
		f.request.Processor, f.signature.Processor, f.both.Processor)
	return nil
}

// floors are the two costs of a token that no server of this make goes below, and what they are together.
type floors struct {
	request   cost // One request to an empty gin handler that reads a form and answers 600 bytes.
	signature cost // One P-256 signature, one after the other, while nothing else runs.
	both      cost // One request to a handler that makes one signature as well.
}

// ceiling answers the tokens a second that are left if a token costs nothing else. It is measured and not added up: a
// signature takes up to a quarter longer among requests than alone.
func (f floors) ceiling() float64 { return 1 / f.both.Clock.Seconds() }

// sum answers the tokens a second that the two floors would leave, each measured alone.
func (f floors) sum() float64 { return 1 / (f.request.Clock + f.signature.Clock).Seconds() }

// mean answers the floors between two measurements.
func (f floors) mean(other floors) floors {
	between := func(a, b cost) cost { return cost{(a.Clock + b.Clock) / 2, (a.Processor + b.Processor) / 2} }
	return floors{between(f.request, other.request), between(f.signature, other.signature), between(f.both, other.both)}
}

// floorServer is this program as the server of the floors, on the server's core.
type floorServer struct {
	target
	process *exec.Cmd
	stdin   io.Closer
}

func startFloorServer(ctx context.Context) (*floorServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &floorServer{process: onServerCore(ctx, self, "floor-server")}
	s.process.Stderr = os.Stderr
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("starting the server of the floors: %w", err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		s.target, err = newTarget(strings.TrimSpace(address))
		s.awake = canPin()
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("starting the server of the floors: %w", err)
	}
	return s, nil
}

func (s *floorServer) stop() {
	s.stdin.Close() // It ends when nobody writes to it any longer.
	s.process.Wait()
}

// measure takes the floors, one after the other.
func (s *floorServer) measure(ctx context.Context, connections int, duration time.Duration) (f floors, err error) {
	if err = s.ask(ctx, signaturePath, &f.signature); err != nil {
		return f, err
	}
	if f.request, err = s.measureRequests(ctx, oauth.TokenPath, connections, duration); err != nil {
		return f, err
	}
	f.both, err = s.measureRequests(ctx, signedPath, connections, duration)
	return f, err
}

func (s *floorServer) measureRequests(ctx context.Context, path string, connections int, duration time.Duration) (cost, error) {
	var before, after time.Duration
	if err := s.ask(ctx, processorPath, &before); err != nil {
		return cost{}, err
	}
	callers := make([]caller, connections)
	for i := range callers {
		callers[i] = s.caller(path)
	}
	r, err := load{s.target, connections, duration, maxCount}.run(ctx, callers)
	if err == nil {
		err = r.failure()
	}
	if err != nil {
		return cost{}, fmt.Errorf("measuring the floor: %w", err)
	}
	if err := s.ask(ctx, processorPath, &after); err != nil {
		return cost{}, err
	}
	return cost{
		Clock:     time.Duration(float64(time.Second) / r.perSecond()),
		Processor: (after - before) / time.Duration(r.times.total),
	}, nil
}

// ask reads one of the server's own measurements.
func (s *floorServer) ask(ctx context.Context, path string, answer any) error {
	body, err := s.get(ctx, path)
	if err == nil {
		err = json.Unmarshal(body, answer)
	}
	return err
}

// floorCaller sends what a token request looks like.
type floorCaller struct{ text []byte }

func (s *floorServer) caller(path string) floorCaller {
	key := newSeedKey()
	body := "grant_type=client_credentials&client_id=" + key.id(0) + "&client_secret=" + key.secret(0)
	return floorCaller{fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, s.base.Host, len(body), body)}
}

func (c floorCaller) request(int64) []byte { return c.text }

func (c floorCaller) judge(_ int64, status int, body []byte) string {
	if status != 200 || len(body) != floorAnswer {
		return fmt.Sprintf("status %d with %d bytes", status, len(body))
	}
	return ""
}
