package remotekeys

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	fetchTimeout   = 3 * time.Second // Of one fetch, its connection included.
	maxBodyBytes   = 64 << 10
	maxHeaderBytes = 16 << 10
	maxFetches     = 32     // at once
	maxSets        = 10_000 // that are remembered

	// How long a set is kept: as long as its answer says, between bounds.
	leastAge, mostAge, usualAge = time.Minute, time.Hour, 5 * time.Minute
	// coolDown is how long after a fetch nobody is made to fetch the same set again, for a kid that it does not hold or
	// because it failed.
	coolDown = 30 * time.Second
)

// Config is what a Fetcher is made of.
type Config struct {
	// Allow are networks that may be reached although they are not public; none by default.
	Allow []netip.Prefix
	// TLS says whom to trust; nil for the roots of the system.
	TLS *tls.Config
	// Now answers the time.
	Now func() time.Time
}

// Fetcher implements [oauth.KeyPublisher]. It is safe for concurrent use.
type Fetcher struct {
	client *http.Client
	now    func() time.Time
	slots  chan struct{}

	mu   sync.Mutex
	sets *simplelru.LRU[string, set]
	// flights are the fetches under way, by URL.
	flights map[string]*flight
}

// set is what became of the last fetch of a URL.
type set struct {
	keys    []jose.JSONWebKey
	err     error
	fetched time.Time
	until   time.Time // The keys are good until then.
}

type flight struct {
	done chan struct{}
	set  set // Set before done is closed.
}

var _ oauth.KeyPublisher = (*Fetcher)(nil)

// New makes a Fetcher.
func New(config Config) *Fetcher {
	// An LRU is refused for a size below 1 alone.
	sets, _ := simplelru.NewLRU[string, set](maxSets, nil)
	return &Fetcher{
		client: newClient(config), now: config.Now, slots: make(chan struct{}, maxFetches),
		sets: sets, flights: make(map[string]*flight),
	}
}

// PublishedKeys implements oauth.KeyPublisher. However many ask, a URL is fetched once at a time, and again before
// its time only for a kid that it did not hold.
func (f *Fetcher) PublishedKeys(ctx context.Context, url, kid string) ([]jose.JSONWebKey, error) {
	known, under := f.look(url, kid)
	if under == nil {
		return known.keys, known.err
	}
	select {
	case <-under.done:
		return under.set.keys, under.set.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// look answers what is known, or the fetch to wait for.
func (f *Fetcher) look(url, kid string) (set, *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	known, some := f.sets.Get(url)
	holds := kid == "" || slices.ContainsFunc(known.keys, func(key jose.JSONWebKey) bool { return key.KeyID == kid })
	fresh := some && known.err == nil && now.Before(known.until)
	cooling := some && now.Sub(known.fetched) < coolDown
	if fresh && holds || cooling {
		return known, nil
	}
	if under := f.flights[url]; under != nil {
		return set{}, under
	}
	begun := &flight{done: make(chan struct{})}
	f.flights[url] = begun
	go f.fly(url, begun)
	return set{}, begun
}

// fly fetches a set for everybody who waits for it: none of their contexts can end it.
func (f *Fetcher) fly(url string, begun *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	var age time.Duration
	select {
	case f.slots <- struct{}{}:
		begun.set.keys, age, begun.set.err = f.fetch(ctx, url)
		<-f.slots
	case <-ctx.Done():
		begun.set.err = errors.New("too many others are fetched")
	}
	begun.set.fetched = f.now()
	begun.set.until = begun.set.fetched.Add(age)
	f.mu.Lock()
	f.sets.Add(url, begun.set)
	delete(f.flights, url)
	f.mu.Unlock()
	close(begun.done)
}

// fetch answers the keys at a URL, and how long they may be kept.
func (f *Fetcher) fetch(ctx context.Context, url string) ([]jose.JSONWebKey, time.Duration, error) {
	if err := oauth.CheckKeysURL(url); err != nil {
		return nil, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("the answer is %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBodyBytes+1))
	if err == nil {
		err = ctx.Err() // A server that sees us give up may end the body as if it were whole.
	}
	if err != nil {
		return nil, 0, err
	}
	if len(body) > maxBodyBytes {
		return nil, 0, fmt.Errorf("the answer is larger than %d bytes", maxBodyBytes)
	}
	keys, err := oauth.ParsePublishedKeys(body)
	return keys, min(max(maxAge(response.Header), leastAge), mostAge), err
}

// maxAge reads how long the response may be kept (RFC 9111 §5.2.2).
func maxAge(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			seconds, _ := strconv.ParseUint(strings.Trim(value, `"`), 10, 31) // What is no number counts as 0.
			return time.Duration(seconds) * time.Second
		}
	}
	return usualAge
}
