package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

func TestHistogram(t *testing.T) {
	var one, other histogram
	for i := 1; i <= 10_000; i++ {
		h := &one
		if i%2 == 0 {
			h = &other
		}
		h.add(time.Duration(i) * time.Microsecond)
	}
	one.merge(&other)
	for share, want := range map[float64]float64{.5: 5000, .99: 9900, .999: 9990} {
		if got := float64(one.quantile(share).Microseconds()); got < want || got > want*1.04 {
			t.Errorf("the quantile %v is %v µs, want %v and no more than 4 %% above", share, got, want)
		}
	}
	for micros := uint64(0); micros < 1<<20; micros++ {
		if at := step(micros); upper(at) < micros || at > 0 && upper(at-1) >= micros {
			t.Fatalf("%d µs are counted as between %d and %d", micros, upper(at-1)+1, upper(at))
		}
	}
	if (&histogram{}).quantile(.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

func TestOnlyLoopback(t *testing.T) {
	for url, want := range map[string]string{
		"http://192.0.2.1:80":     "loopback",
		"http://[2001:db8::1]:80": "loopback",
		"https://localhost:8443":  "http://",
		"http://localhost":        "http://",
	} {
		target, err := newTarget(url)
		if err == nil {
			_, err = target.dial(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestServerGoesAway: a server that is gone amid a load is a failure that is told, and no panic.
func TestServerGoesAway(t *testing.T) {
	for _, awake := range []bool{false, true} {
		server := httptest.NewUnstartedServer(nil)
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			server.Listener.Close()
			w.Header().Set("Connection", "close")
		})
		server.Start()
		defer server.Close()
		target, err := newTarget(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		target.awake = awake
		callers := []caller{(&floorServer{target: target}).caller("/")}
		result, err := load{target, len(callers), time.Minute, maxCount}.run(t.Context(), callers)
		if err != nil || result.errors["connection"] == 0 {
			t.Errorf("awake %t: %v, %v", awake, result, err)
		}
	}
}

// liar is a server whose tokens are wrong in one way.
type liar struct {
	key       oauth.SigningKey
	published oauth.SigningKey
	status    int
	jti       func() string
	subject   func(id string) string
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == oauth.JWKSPath {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: l.published.Public, KeyID: "kid"}}})
		return
	}
	id, _, _ := r.BasicAuth()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: l.key.Private, KeyID: "kid"}}, nil)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(fmt.Appendf(nil, `{"sub":%q,"jti":%q}`, l.subject(id), l.jti()))
	if err != nil {
		panic(err)
	}
	text, _ := signed.CompactSerialize()
	w.WriteHeader(l.status)
	json.NewEncoder(w).Encode(map[string]string{"access_token": text})
}

// TestWrongAnswers: each kind of wrong token is found.
func TestWrongAnswers(t *testing.T) {
	key := func() oauth.SigningKey {
		key, err := oauth.NewSigningKey(oauth.LocalKeys{}, jose.ES256, now(), now())
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	for name, test := range map[string]struct {
		spoil func(*liar)
		want  string
	}{
		"right":          {func(*liar) {}, ""},
		"status":         {func(l *liar) { l.status = http.StatusTeapot }, "status 418"},
		"repeated":       {func(l *liar) { l.jti = func() string { return "same" } }, "a jti that was there before"},
		"another's":      {func(l *liar) { l.subject = func(string) string { return "cid_other" } }, "a token that does not verify"},
		"badly signed":   {func(l *liar) { l.published = key() }, "a token that does not verify"},
		"nothing at all": {func(l *liar) { l.jti = func() string { return "" } }, "a jti that was there before"},
	} {
		for _, awake := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, awake %t", name, awake), func(t *testing.T) {
				var tokens atomic.Int64
				genuine := key()
				l := &liar{
					key: genuine, published: genuine, status: http.StatusOK,
					jti:     func() string { return fmt.Sprint(tokens.Add(1)) },
					subject: func(id string) string { return id },
				}
				test.spoil(l)
				server := httptest.NewServer(l)
				defer server.Close()
				target, err := newTarget(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				target.awake = awake
				r, err := tokenLoad{
					load: load{target, 2, 10 * time.Second, 20}, key: newSeedKey(), method: bySecret, credentials: 7, verifyEvery: 1,
				}.run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if test.want == "" {
					if err := r.failure(); err != nil || r.times.total != 20 {
						t.Errorf("%d right answers, %v", r.times.total, err)
					}
				} else if r.errors[test.want] == 0 || len(r.errors) != 1 || r.failure() == nil {
					t.Errorf("the errors are %v, want %q", r.errors, test.want)
				}
			})
		}
	}
}

// build builds a program of this module into a folder.
func build(t *testing.T, folder, name string) (program string) {
	t.Helper()
	program = filepath.Join(folder, name)
	if output, err := exec.Command("go", "build", "-tags", "nomsgpack", "-o", program, "../"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

// TestReplicas lets replicas take turns. It is a process of its own, for it binds itself to one core.
func TestReplicas(t *testing.T) {
	if !canPin() {
		t.Skip("there are no two cores to bind processes to")
	}
	folder := t.TempDir()
	output, err := exec.Command(build(t, folder, "latchload"), "replicas", build(t, folder, "latchkey"),
		"--replicas=2,1", "--credentials=50", "--duration=300ms", "--rounds=1").CombinedOutput()
	if err != nil || !strings.Contains(string(output), "| 1 | 2 | ") || !strings.Contains(string(output), "| 1 | 1 | ") {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestRealServer seeds a real server's database, and puts each kind of load on the server.
func TestRealServer(t *testing.T) {
	folder := t.TempDir()
	program := build(t, folder, "latchkey")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	database := "sqlite:" + filepath.Join(folder, "latchkey.db")
	server, err := startProcess(ctx, program, database, folder)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	keyFile, url := filepath.Join(folder, "key"), server.base.String()
	t.Setenv("LATCHLOAD_SECRET", server.secret)
	for _, step := range []struct {
		args string
		want string
	}{
		{"seed --database-url=" + database + " --key-file=" + keyFile + " --credentials=700 --keys=7", "707 credentials in "},
		{"token " + url + " --key-file=" + keyFile + " --credentials=700 -c 8 -n 1400 -d 30s --verify-every=1", "token: 1400 in "},
		{"token " + url + " --key-file=" + keyFile + " --credentials=700 -c 1 -n 10 -d 30s -o json", `"requests":10`},
		{"token " + url + " --key-file=" + keyFile + " --method=private_key_jwt --credentials=7 -c 2 -n 70 -d 30s --verify-every=1", "token: 70 in "},
		{"token " + url + " --key-file=" + keyFile + " --method=dpop --credentials=7 -c 2 -n 70 -d 30s --verify-every=1", "token: 70 in "},
		{"admin " + url + " --id=" + server.id + " -n 20 -d 30s", "deactivate: 20 in "},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(ctx, strings.Fields(step.args), &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), step.want) {
			log, _ := os.ReadFile(filepath.Join(folder, "server.log"))
			t.Fatalf("%s: %d\n%s%s\n%s", step.args, code, &stdout, &stderr, log)
		}
	}
	used, err := server.usage(ctx)
	if err != nil || used.allocations == 0 || used.bytes == 0 {
		t.Errorf("the server has used %+v (%v)", used, err)
	}
	// Credentials that were never seeded get nothing, and that is an error.
	var stdout, stderr bytes.Buffer
	args := "token " + url + " --key-file=" + keyFile + " --credentials=701 -c 1 -n 701 -d 30s"
	if code := run(ctx, strings.Fields(args), &stdout, &stderr); code != 1 || !strings.Contains(stdout.String(), "1 × status 401") {
		t.Errorf("%d\n%s%s", code, &stdout, &stderr)
	}
}
