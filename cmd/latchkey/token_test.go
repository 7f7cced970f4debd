package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
	"github.com/latchkey-auth/latchkey/server"
)

// tokenHandler answers a function that asks the whole server in this process for a token once.
func tokenHandler(t testing.TB, database string) func() {
	t.Helper()
	front, first := wholeServer(t, database)
	return func() {
		if answer := askWithin(front, first.id, first.secret); answer.Code != http.StatusOK {
			t.Errorf("%d: %s", answer.Code, answer.Body)
		}
	}
}

// askWithin asks a server in this process for a token.
func askWithin(front http.Handler, id, secret string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, oauth.TokenPath, strings.NewReader("grant_type=client_credentials"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(id, secret)
	answer := httptest.NewRecorder()
	front.ServeHTTP(answer, request)
	return answer
}

// wholeServer answers the server in this process, with all that a request goes through, and its first client.
func wholeServer(t testing.TB, database string) (http.Handler, identity) {
	t.Helper()
	o := &options{
		Issuer: "http://localhost:8080", Dev: true, Migrate: true, DatabaseURL: database, DatabaseMaxConns: 4,
		MasterKey: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", CachedClients: 100, TokenLifetimeMax: time.Hour,
		SigningAlg: "ES256", KeyRotationPeriod: time.Hour, JWKSMaxAge: time.Minute, RequestTimeout: 10 * time.Second,
		BootstrapClientID: "boot", BootstrapClientSecret: "x7Kp2vQz9LmN4tRw8YbC3dFg6HjS1aEuViOkPq5Z",
		TrustedProxies: []netip.Prefix{},
	}
	core, err := openCore(t.Context(), o, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(core.close)
	if err := setUp(t.Context(), o, core, io.Discard); err != nil {
		t.Fatal(err)
	}
	api, err := newAPI(o, core)
	if err != nil {
		t.Fatal(err)
	}
	front, err := server.New(server.Config{
		Issuer: o.Issuer, Endpoint: endpoint.New(core.issuer, o.JWKSMaxAge, newLimits(o)), API: api, Ready: core.ready,
		Metrics: server.NewMetrics("test"), RequestTimeout: o.RequestTimeout, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return front, identity{id: o.BootstrapClientID, secret: string(o.BootstrapClientSecret)}
}

// TestTokenAllocations holds a whole token request to a budget: the request and its answer as net/http/httptest makes
// them, all middleware, the proof of freshness on SQLite, and one signature, which alone takes 55. Under the race detector pools forget, which costs some twenty more.
func TestTokenAllocations(t *testing.T) {
	const budget = 200
	ask := tokenHandler(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"))
	if got := testing.AllocsPerRun(200, ask); got > budget {
		t.Errorf("a token request allocates %v times, budget %d", got, budget)
	} else {
		t.Logf("a token request allocates %v times", got)
	}
}

func BenchmarkToken(b *testing.B) {
	run := func(b *testing.B, database string) {
		ask := tokenHandler(b, database)
		b.Run("alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
		b.Run("together", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ask()
				}
			})
		})
	}
	b.Run("SQLite", func(b *testing.B) { run(b, "sqlite:"+filepath.Join(b.TempDir(), "latchkey.db")) })
	b.Run("PostgreSQL", func(b *testing.B) { run(b, sharedPostgres.NewDatabase(b)) })
}
