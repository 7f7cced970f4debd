package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

// program is the program in a process of its own, which can be killed.
type program struct {
	identity
	environ []string
	process *exec.Cmd
}

// startProgram starts a process on a database, with options in the environment. Processes on one database share its
// first client.
func startProgram(t *testing.T, database string, environ ...string) *program {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	p := &program{identity: identity{issuer: "http://" + address, id: "boot", secret: "x7Kp2vQz9LmN4tRw8YbC3dFg6HjS1aEuViOkPq5Z"}}
	p.environ = []string{
		"LATCHKEY_ADDR=" + address,
		"LATCHKEY_ISSUER=" + oneIssuer,
		"LATCHKEY_DATABASE_URL=" + database,
		"LATCHKEY_MASTER_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"LATCHKEY_BOOTSTRAP_CLIENT_ID=" + p.id,
		"LATCHKEY_BOOTSTRAP_CLIENT_SECRET=" + p.secret,
		"LATCHKEY_METRICS_ADDR=off",
		"LATCHKEY_LOG_LEVEL=error",
		"LATCHKEY_DRAIN_DELAY=0s",
		"LATCHKEY_TOKEN_BACKOFF=false",
	}
	p.environ = append(p.environ, environ...)
	p.start(t)
	t.Cleanup(p.kill)
	return p
}

// start starts the process, again after a kill.
func (p *program) start(t *testing.T) {
	t.Helper()
	p.process = exec.Command("latchkey", "serve", "--dev")
	p.process.Env = p.environ
	p.process.Stderr = t.Output()
	if err := p.process.Start(); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, p.issuer)
}

// kill is kill -9.
func (p *program) kill() {
	p.process.Process.Kill()
	p.process.Wait()
}

// askToken asks for a token as a client, and answers the status and the body.
func askToken(ctx context.Context, issuer, id, secret string) (int, string, error) {
	body := strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer+oauth.TokenPath, body)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// TestOffMeansOffOnEveryReplica: while two replicas are asked for tokens without pause, a credential is switched off
// and on, now through the one and now through the other. No request that began after the deactivate was answered may
// get a token, until the next activate is sent.
func TestOffMeansOffOnEveryReplica(t *testing.T) {
	const rounds = 1000
	database := sharedPostgres.NewDatabase(t)
	replicas := []*program{startProgram(t, database), startProgram(t, database)}
	levers := []*lever{newLever(t, replicas[0].identity), newLever(t, replicas[1].identity)}

	// on counts the activates and deactivates: even while the credential may be active, odd while it must not be.
	var on, issued, refused, unavailable atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for i := range 4 {
		replica := replicas[i%2]
		asking.Go(func() {
			for ctx.Err() == nil {
				before := on.Load()
				status, body, err := askToken(ctx, replica.issuer, replica.id, replica.secret)
				after := on.Load()
				switch {
				case ctx.Err() != nil:
				case err != nil:
					t.Error(err)
				case status == http.StatusOK && before == after && before%2 == 1:
					t.Errorf("round %d: a token after the deactivate was answered", before/2)
				case status == http.StatusOK:
					issued.Add(1)
				case status == http.StatusUnauthorized:
					refused.Add(1)
				case status == http.StatusServiceUnavailable:
					unavailable.Add(1)
				default:
					t.Errorf("a token request answered %d: %s", status, body)
				}
			}
		})
	}
	for round := range rounds {
		levers[round%2].pull(t, "boot", "deactivate")
		on.Add(1)
		time.Sleep(time.Millisecond) // So that somebody asks.
		on.Add(1)
		levers[(round+1)%2].pull(t, "boot", "activate")
	}
	stop()
	asking.Wait()
	t.Logf("%d rounds, %d tokens, %d refusals, %d times unavailable", rounds, issued.Load(), refused.Load(), unavailable.Load())
	if issued.Load() == 0 || refused.Load() == 0 {
		t.Error("the test has not seen both sides")
	}
}

// TestKill kills the program in the middle of writes, again and again. Whatever it had answered is there after the
// restart; and every credential has the event of its creation, as every such event has its credential.
func TestKill(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db") },
		"PostgreSQL": func(t *testing.T) string { return sharedPostgres.NewDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			p := startProgram(t, database(t))
			lever := newLever(t, p.identity)
			answered := make(map[string]bool)
			for round := range 5 {
				killed := make(chan struct{})
				time.AfterFunc(time.Duration(50+30*round)*time.Millisecond, func() { p.kill(); close(killed) })
				for i := 0; ; i++ {
					id, err := lever.create(fmt.Sprintf("round %d, number %d", round, i))
					if err != nil {
						break
					}
					answered[id] = true
				}
				<-killed
				p.start(t)
			}
			if len(answered) == 0 {
				t.Fatal("nothing was written before the kills")
			}
			stored := lever.collect(t, "/admin/v1/credentials", func(row map[string]any) string { return row["client_id"].(string) })
			created := lever.collect(t, "/admin/v1/events", func(row map[string]any) string {
				if row["action"] != "credential.created" {
					return ""
				}
				return row["target"].(string)
			})
			for id := range answered {
				if stored[id] == 0 {
					t.Errorf("%s was answered and is gone", id)
				}
			}
			for id := range stored {
				if created[id] != 1 {
					t.Errorf("%s has %d events of its creation", id, created[id])
				}
			}
			for id := range created {
				if stored[id] != 1 {
					t.Errorf("the event of %s is there without it", id)
				}
			}
			t.Logf("%d answered, %d stored, %d events", len(answered), len(stored), len(created))
		})
	}
}

// TestDatabaseOutage: without its database the server says so, to everybody, issues nothing, and comes back by itself.
func TestDatabaseOutage(t *testing.T) {
	cluster := storagetest.Postgres(t)
	p := startProgram(t, cluster.NewDatabase(t))
	lever := newLever(t, p.identity)
	expect := func(status int, path string) {
		t.Helper()
		var response *http.Response
		var err error
		if path == oauth.TokenPath {
			form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.id}, "client_secret": {p.secret}}
			response, err = http.PostForm(p.issuer+path, form)
		} else {
			response, err = lever.http.Get(p.issuer + path)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != status {
			t.Errorf("%s answered %d: %s; want %d", path, response.StatusCode, body, status)
		}
		if status == http.StatusServiceUnavailable && path != "/readyz" && response.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	expect(http.StatusOK, oauth.TokenPath)
	expect(http.StatusOK, "/admin/v1/credentials") // From here on the lever has a token.
	cluster.Stop(t)
	for range 3 {
		expect(http.StatusServiceUnavailable, oauth.TokenPath)
		expect(http.StatusServiceUnavailable, "/admin/v1/credentials")
		expect(http.StatusServiceUnavailable, "/readyz")
		expect(http.StatusOK, "/livez")
		expect(http.StatusOK, oauth.JWKSPath) // Verifiers must not go blind.
	}
	cluster.Start(t)
	awaitReady(t, p.issuer)
	expect(http.StatusOK, oauth.TokenPath)
	expect(http.StatusOK, "/admin/v1/credentials")
}
