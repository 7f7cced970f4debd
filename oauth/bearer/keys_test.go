package bearer_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// publisher is an issuer's document in place of a network: an http.RoundTripper, so that time can be synctest's.
type publisher struct {
	mu      sync.Mutex
	answers map[string]func(http.ResponseWriter, *http.Request)
	asked   atomic.Int64
	delay   time.Duration
}

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.asked.Add(1)
	if p.delay > 0 {
		select {
		case <-time.After(p.delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	p.mu.Lock()
	answer := p.answers[r.URL.String()]
	p.mu.Unlock()
	if answer == nil {
		return nil, errors.New("no route to host")
	}
	recorder := httptest.NewRecorder()
	answer(recorder, r)
	return recorder.Result(), nil
}

func (p *publisher) set(url string, answer func(http.ResponseWriter, *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answers == nil {
		p.answers = make(map[string]func(http.ResponseWriter, *http.Request))
	}
	p.answers[url] = answer
}

const jwksURL = issuer + "/keys"

// jwks answers a key set with these kids, an ETag and a Cache-Control header.
func jwks(t testing.TB, cacheControl string, kids ...string) func(http.ResponseWriter, *http.Request) {
	t.Helper()
	key := newKey(t)
	var set jose.JSONWebKeySet
	for _, kid := range kids {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"})
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	tag := fmt.Sprintf("%q", strings.Join(kids, "-"))
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(body)
	}
}

func newKeys(t testing.TB, network http.RoundTripper) *bearer.Keys {
	t.Helper()
	keys, err := bearer.NewKeys(bearer.KeysConfig{URL: jwksURL, Client: &http.Client{Transport: network}})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeysAreFetchedOnceAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(publisher)
		network.set(jwksURL, jwks(t, "public, max-age=600", "k1"))
		keys := newKeys(t, network)
		ask := func(kid string, known bool, fetches int64) {
			t.Helper()
			_, err := keys.Key(t.Context(), kid)
			synctest.Wait()
			if (err == nil) != known || !known && !errors.Is(err, bearer.ErrUnknownKey) {
				t.Fatalf("%s: %v", kid, err)
			}
			if asked := network.asked.Load(); asked != fetches {
				t.Fatalf("%d fetches, want %d", asked, fetches)
			}
		}
		ask("k1", true, 1)
		time.Sleep(479 * time.Second)
		ask("k1", true, 1)
		// The last fifth: answered at once, renewed behind, and the 304 begins a new time.
		time.Sleep(time.Second)
		ask("k1", true, 2)
		time.Sleep(479 * time.Second)
		ask("k1", true, 2)

		// An unknown kid has the keys fetched, once in a cool-down.
		ask("k2", false, 3)
		ask("k3", false, 3)
		network.set(jwksURL, jwks(t, "max-age=600", "k1", "k2"))
		ask("k2", false, 3)
		time.Sleep(30 * time.Second)
		ask("k2", true, 4)

		// Long after its time, the answer waits for new keys: a revoked one is gone.
		network.set(jwksURL, jwks(t, "max-age=600", "k2"))
		time.Sleep(time.Hour)
		ask("k1", false, 5)
	})
}

func TestKeysWhileTheIssuerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(publisher)
		keys := newKeys(t, network)
		if _, err := keys.Key(t.Context(), "k1"); err == nil || errors.Is(err, bearer.ErrUnknownKey) {
			t.Fatalf("no keys at all: %v", err)
		}
		if _, err := keys.Key(t.Context(), "k1"); err == nil || network.asked.Load() != 1 {
			t.Fatalf("asked %d times within the cool-down", network.asked.Load())
		}
		network.set(jwksURL, jwks(t, "max-age=60", "k1"))
		time.Sleep(30 * time.Second)
		if _, err := keys.Key(t.Context(), "k1"); err != nil {
			t.Fatal(err)
		}
		network.set(jwksURL, nil)
		for range 23 {
			time.Sleep(time.Hour)
			if _, err := keys.Key(t.Context(), "k1"); err != nil {
				t.Fatalf("stale keys within their bound: %v", err)
			}
		}
		time.Sleep(2 * time.Hour)
		if _, err := keys.Key(t.Context(), "k1"); err == nil {
			t.Fatal("keys beyond their bound are used")
		}
	})
}

func TestKeysAreFetchedBySingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &publisher{delay: time.Second}
		network.set(jwksURL, jwks(t, "max-age=60", "k1"))
		keys := newKeys(t, network)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if _, err := keys.Key(t.Context(), "k1"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if asked := network.asked.Load(); asked != 1 {
			t.Errorf("%d fetches", asked)
		}
		// One that never answers ends by itself, and keeps nobody from serving with the old keys afterwards.
		network.delay = time.Hour
		time.Sleep(2 * time.Minute)
		began := time.Now()
		if _, err := keys.Key(t.Context(), "k1"); err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Minute)
		began = time.Now()
		if _, err := keys.Key(t.Context(), "k1"); err != nil || time.Since(began) != 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Minute) // The bubble ends only when no goroutine is left.
	})
}

func TestCacheControl(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": time.Hour, "max-age=600": 10 * time.Minute, `private, MAX-AGE="600"`: 10 * time.Minute, "max-age=1": time.Minute,
		"max-age=999999": time.Hour, "max-age=-1": time.Minute, "max-age=x": time.Minute, "no-store": time.Minute,
		"max-age=99999999999999999999": time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			network := new(publisher)
			network.set(jwksURL, jwks(t, header, "k1"))
			keys := newKeys(t, network)
			for _, wait := range []time.Duration{0, want/5*4 - time.Nanosecond, time.Nanosecond} {
				time.Sleep(wait)
				if _, err := keys.Key(t.Context(), "k1"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if asked, want := network.asked.Load(), int64(1); wait == time.Nanosecond && asked != 2 || wait != time.Nanosecond && asked != want {
					t.Errorf("%q: %d fetches after %v", header, asked, wait)
				}
			}
		})
	}
}

func TestKeysRefuseBadDocuments(t *testing.T) {
	const metadata = issuer + "/.well-known/oauth-authorization-server"
	text := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", jwksURL)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	good := text(200, `{"issuer":"`+issuer+`","jwks_uri":"`+jwksURL+`"}`)
	for name, test := range map[string]struct {
		metadata, keys func(http.ResponseWriter, *http.Request)
	}{
		"another issuer's metadata": {text(200, `{"issuer":"https://evil.example","jwks_uri":"`+jwksURL+`"}`), nil},
		"no jwks_uri":               {text(200, `{"issuer":"`+issuer+`"}`), nil},
		"keys over http":            {text(200, `{"issuer":"`+issuer+`","jwks_uri":"http://issuer.example/keys"}`), nil},
		"metadata that redirect":    {text(302, ``), nil},
		"no JSON":                   {text(200, `<html>`), nil},
		"too large":                 {text(200, strings.Repeat(" ", 65<<10)), nil},
		"keys that redirect":        {good, text(307, ``)},
		"keys: 404":                 {good, text(404, `{"keys":[]}`)},
		"keys: 304 from the start":  {good, text(304, ``)},
		"no keys":                   {good, text(200, `{"keys":[]}`)},
		"too many keys":             {good, text(200, `{"keys":[`+strings.Repeat(`{},`, 100)+`{}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			network := new(publisher)
			network.set(metadata, test.metadata)
			network.set(jwksURL, jwks(t, "", "k1"))
			if test.keys != nil {
				network.set(jwksURL, test.keys)
			}
			keys, err := bearer.NewKeys(bearer.KeysConfig{Issuer: issuer, Client: &http.Client{Transport: network}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := keys.Key(t.Context(), "k1"); err == nil || errors.Is(err, bearer.ErrUnknownKey) {
				t.Errorf("answered %v", err)
			}
		})
	}
	for _, config := range []bearer.KeysConfig{
		{}, {Issuer: issuer, URL: jwksURL}, {URL: "http://issuer.example"}, {URL: "issuer.example"},
		{URL: "https://user@issuer.example"}, {URL: jwksURL, MinAge: time.Hour, MaxAge: time.Minute}, {URL: jwksURL, Stale: -1},
	} {
		if _, err := bearer.NewKeys(config); err == nil {
			t.Errorf("%+v is taken", config)
		}
	}
	for _, address := range []string{"http://localhost:1", "http://127.0.0.9/x", "http://[::1]:8080"} {
		if _, err := bearer.NewKeys(bearer.KeysConfig{URL: address}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestKeysUnderRotation has many readers verify while the issuer changes its keys, for the race detector.
func TestKeysUnderRotation(t *testing.T) {
	first := newKey(t)
	var current atomic.Pointer[jose.JSONWebKeySet]
	publish := func(n int) {
		current.Store(&jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: first.Public(), KeyID: "k0", Algorithm: "ES256"},
			{Key: newKey(t).Public(), KeyID: fmt.Sprintf("k%d", n), Algorithm: "ES256"},
		}})
	}
	publish(1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(current.Load())
	}))
	defer server.Close()
	keys, err := bearer.NewKeys(bearer.KeysConfig{URL: server.URL, MinAge: time.Nanosecond, MaxAge: time.Millisecond, CoolDown: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, bearer.Config{Keys: keys})
	token := sign(t, first, jose.ES256, "k0", "at+jwt", goodClaims())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				if _, err := verifier.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := 2; n < 20; n++ {
		publish(n)
		if _, err := keys.Key(t.Context(), fmt.Sprintf("k%d", n)); err != nil {
			// The keys at hand may be of the moment before.
			if _, err = keys.Key(t.Context(), fmt.Sprintf("k%d", n)); err != nil {
				t.Errorf("k%d: %v", n, err)
			}
		}
	}
	group.Wait()
}
