package remotekeys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// publisher is a client's server, and a clock.
type publisher struct {
	*httptest.Server
	fetches atomic.Int64
	mu      sync.Mutex
	answer  http.HandlerFunc
	now     time.Time
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fetches.Add(1)
		p.mu.Lock()
		answer := p.answer
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// fetcher makes a Fetcher that trusts the publisher's certificate and may reach the networks.
func (p *publisher) fetcher(allow ...netip.Prefix) *Fetcher {
	roots := x509.NewCertPool()
	roots.AddCert(p.Certificate())
	return New(Config{Allow: allow, TLS: &tls.Config{RootCAs: roots}, Now: func() time.Time {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.now
	}})
}

func (p *publisher) set(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *publisher) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// publish answers what writes a set of keys of these names, and how it may be kept.
func publish(t *testing.T, cacheControl string, kids ...string) http.HandlerFunc {
	var set jose.JSONWebKeySet
	for _, kid := range kids {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &private.PublicKey, KeyID: kid, Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		w.Write(text)
	}
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func TestKept(t *testing.T) {
	p := newPublisher(t)
	f := p.fetcher(loopback)
	p.set(publish(t, "max-age=600", "one"))
	expect := func(kid string, held bool, fetches int64) {
		t.Helper()
		keys, err := f.PublishedKeys(t.Context(), p.URL, kid)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(keys) == 1 && keys[0].KeyID == kid; got != held || p.fetches.Load() != fetches {
			t.Errorf("%s: held %t after %d fetches; want %t, %d", kid, got, p.fetches.Load(), held, fetches)
		}
	}
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() { f.PublishedKeys(t.Context(), p.URL, "one") })
	}
	asking.Wait()
	expect("one", true, 1)
	p.set(publish(t, "no-store", "two"))
	expect("two", false, 1) // Too soon after the last fetch.
	p.pass(coolDown)
	expect("two", true, 2)
	p.pass(leastAge - time.Second)
	expect("two", true, 2) // Whatever the answer said.
	p.pass(time.Second)
	expect("two", true, 3)
}

func TestFailuresCoolDown(t *testing.T) {
	p := newPublisher(t)
	f := p.fetcher(loopback)
	p.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for range 5 {
		if _, err := f.PublishedKeys(t.Context(), p.URL, ""); err == nil {
			t.Fatal("a failure was taken for keys")
		}
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	p.set(publish(t, "", "one"))
	p.pass(coolDown)
	if _, err := f.PublishedKeys(t.Context(), p.URL, ""); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	p := newPublisher(t)
	for name, test := range map[string]struct {
		allow  []netip.Prefix
		url    string
		answer http.HandlerFunc
		want   string
	}{
		"loopback":       {nil, p.URL, publish(t, "", "one"), "is not public"},
		"a name of it":   {nil, strings.Replace(p.URL, "127.0.0.1", "localhost", 1), publish(t, "", "one"), "is not public"},
		"plain HTTP":     {[]netip.Prefix{loopback}, "http" + strings.TrimPrefix(p.URL, "https"), publish(t, "", "one"), "https"},
		"a redirect":     {[]netip.Prefix{loopback}, p.URL, http.RedirectHandler("https://127.0.0.1:1/", http.StatusFound).ServeHTTP, "redirects are refused"},
		"another status": {[]netip.Prefix{loopback}, p.URL, http.NotFound, "the answer is 404"},
		"too large":      {[]netip.Prefix{loopback}, p.URL, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxBodyBytes+1)) }, "larger"},
		"no set of keys": {[]netip.Prefix{loopback}, p.URL, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, "not a JWK set"},
		"too many keys": {[]netip.Prefix{loopback}, p.URL, func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"keys":[` + strings.Repeat("1,", 50) + `1]}`))
		}, "more than 50"},
		"never to an end": {[]netip.Prefix{loopback}, p.URL, func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("{"))
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			p.set(test.answer)
			keys, err := p.fetcher(test.allow...).PublishedKeys(t.Context(), test.url, "")
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(test.want)) {
				t.Errorf("%v, %v; want an error about %q", keys, err, test.want)
			}
		})
	}
}

// TestPublic: an address is reached only if everybody can reach it, in whichever way it is written.
func TestPublic(t *testing.T) {
	control := guard([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")})
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "10.1.2.3": true, "::ffff:10.1.2.3": true,
		"10.2.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"240.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "::": false, "::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:10.2.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "fec0::1": false, "::127.0.0.1": false,
	} {
		if err := control("tcp", net.JoinHostPort(address, "443"), nil); (err == nil) != want {
			t.Errorf("%s: %v; want it reached: %t", address, err, want)
		}
	}
}
