package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// process is a latchkey server under measurement, on the core of the server, with the log and the metrics that it has
// by default.
type process struct {
	target
	metrics target
	command *exec.Cmd
	// first is how long it took from the start of the process to its first token.
	first time.Duration
	// id and secret are those of the first management credential.
	id, secret string
}

// startProcess starts a server program on a database, with a file for its log, and waits for its first token.
func startProcess(ctx context.Context, program, database, folder string, options ...string) (*process, error) {
	addresses := make([]string, 2)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addresses[i] = listener.Addr().String()
		listener.Close()
	}
	log, err := os.OpenFile(filepath.Join(folder, "server.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // The process has its own handle.
	p := &process{id: "latchload", secret: base64.RawURLEncoding.EncodeToString(fixed(32))}
	if p.target, err = newTarget("http://" + addresses[0]); err != nil {
		return nil, err
	}
	if p.metrics, err = newTarget("http://" + addresses[1]); err != nil {
		return nil, err
	}
	p.command = onServerCore(ctx, program, append([]string{"serve", "--dev"}, options...)...)
	p.command.Cancel = func() error { return p.command.Process.Signal(syscall.SIGTERM) }
	p.command.Stdout, p.command.Stderr = log, log
	p.command.Env = append(p.command.Env,
		"LATCHKEY_ADDR="+addresses[0],
		"LATCHKEY_ISSUER=http://"+addresses[0],
		"LATCHKEY_METRICS_ADDR="+addresses[1],
		"LATCHKEY_DATABASE_URL="+database,
		"LATCHKEY_MASTER_KEY="+base64.StdEncoding.EncodeToString(fixed(32)),
		"LATCHKEY_BOOTSTRAP_CLIENT_ID="+p.id,
		"LATCHKEY_BOOTSTRAP_CLIENT_SECRET="+p.secret,
		"LATCHKEY_DRAIN_DELAY=0s")
	start := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	if err := p.awaitToken(ctx, start); err != nil {
		p.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return p, nil
}

// awaitToken asks for a token until there is one.
func (p *process) awaitToken(ctx context.Context, start time.Time) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.id}, "client_secret": {p.secret}}.Encode()
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\n\r\n%s", oauth.TokenPath, p.base.Host, len(form), form)
	for ctx.Err() == nil && time.Since(start) < patience {
		time.Sleep(time.Millisecond)
		conn, err := p.dial(ctx)
		if err != nil {
			continue // It does not listen yet.
		}
		status, body, err := conn.exchange(request)
		conn.Close()
		if err != nil || status != 200 {
			return fmt.Errorf("the first token: status %d: %s %w", status, body, err)
		}
		p.first = time.Since(start)
		return nil
	}
	return fmt.Errorf("the server gave no token within %s", patience)
}

func (p *process) stop() {
	p.command.Process.Signal(syscall.SIGTERM)
	p.command.Wait()
}

// usage is what a process has used since it started, and its memory now.
type usage struct {
	cpu         time.Duration
	allocations float64
	bytes       float64
	resident    float64 // Bytes.
}

// usage reads the metrics of the process.
func (p *process) usage(ctx context.Context) (usage, error) {
	text, err := p.metrics.get(ctx, "/metrics")
	if err != nil {
		return usage{}, err
	}
	values := make(map[string]float64)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if name, value, found := strings.Cut(lines.Text(), " "); found {
			if number, err := strconv.ParseFloat(value, 64); err == nil {
				values[name] = number
			}
		}
	}
	return usage{
		cpu:         time.Duration(values["process_cpu_seconds_total"] * float64(time.Second)),
		allocations: values["go_memstats_mallocs_total"],
		bytes:       values["go_memstats_alloc_bytes_total"],
		resident:    values["process_resident_memory_bytes"],
	}, lines.Err()
}

// fixed makes a key for a database that is gone with the measurement: each server on it must have the same.
func fixed(n int) []byte {
	key := make([]byte, n)
	for i := range key {
		key[i] = byte(37*i + 11)
	}
	return key
}
