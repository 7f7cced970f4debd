package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func startForClients(t *testing.T, environment []string) identity {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	issuer := "http://" + address
	environ := append([]string{
		"LATCHKEY_ADDR=" + address, "LATCHKEY_ISSUER=" + issuer, "LATCHKEY_METRICS_ADDR=off", "LATCHKEY_DRAIN_DELAY=0s",
		"LATCHKEY_DATABASE_URL=sqlite:" + t.TempDir() + "/latchkey.db",
	}, environment...)
	ctx, stop := context.WithCancel(context.Background())
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve", "--dev"}, environ, &stdout, &stderr) }()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("exit %d\n%s", code, stderr.String())
		}
		if t.Failed() {
			t.Log(stderr.String())
		}
	})
	for {
		response, err := http.Get(issuer + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == 200 {
				break
			}
		}
		select {
		case code := <-ended:
			ended <- code
			t.Fatalf("exit %d", code)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if found := regexp.MustCompile(`ID=(\S+) SECRET=(\S+)`).FindStringSubmatch(stdout.String()); found != nil {
		return identity{issuer, found[1], found[2]}
	}
	_, id, _ := strings.Cut(environment[0], "=")
	_, secret, _ := strings.Cut(environment[1], "=")
	return identity{issuer, id, secret}
}
