package bearer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fetchTimeout bounds one fetch, its connection included.
const fetchTimeout = 10 * time.Second

// remote is a document of the issuer, held in memory. Reading it takes no lock while it is fresh. The last fifth of
// its time it is still answered while one goroutine, which lives no longer than a fetch, brings the next; after its
// time whoever asks waits for that. When the issuer is away the last one is answered for as long as its policy says.
type remote[T any] struct {
	url    func(context.Context) (string, error)
	client *http.Client
	now    func() time.Time
	accept string
	limit  int64
	// parse reads and judges a body.
	parse func(context.Context, []byte) (document[T], error)
	// lifetime bounds how long a document counts as fresh; fallback is its lifetime if nobody says.
	lifetime struct{ least, most, fallback time.Duration }
	// stale is how long a document is still answered after its lifetime if no newer one can be had.
	stale time.Duration
	// coolDown is how long a failure, or the wish for news before their time, keeps the next fetch back.
	coolDown time.Duration

	held atomic.Pointer[held[T]]

	mu      sync.Mutex
	flight  *flight
	tried   time.Time // The last fetch that ended.
	failure error     // What became of it.
}

// document is what a body says.
type document[T any] struct {
	value T
	// lifetime is how long the document says it may be kept; 0: it does not say, and the response does.
	lifetime time.Duration
	// expires is the end of the document by its own word; zero: never.
	expires time.Time
}

// held is a document with its times. It does not change.
type held[T any] struct {
	document[T]
	tag     string // The ETag, or empty.
	fetched time.Time
	soon    time.Time // From here on the next is fetched in the background,
	due     time.Time // from here on it is waited for,
	end     time.Time // and from here on this one is not answered.
}

// flight is a fetch under way.
type flight struct {
	done chan struct{}
	err  error // Set before done is closed.
}

// get answers the document.
func (r *remote[T]) get(ctx context.Context) (T, error) {
	now := r.now()
	current := r.held.Load()
	if current != nil && now.Before(current.soon) {
		return current.value, nil
	}
	var failure error
	// A fetch that is under way may bring what was good before this moment and no more; the one after it cannot.
	for range 2 {
		var under *flight
		under, failure = r.fetch(now, false)
		if current != nil && now.Before(current.end) && (now.Before(current.due) || failure != nil) {
			return current.value, nil
		}
		if under == nil {
			break
		}
		if failure = under.wait(ctx); failure != nil {
			break
		}
		if current = r.held.Load(); now.Before(current.end) {
			return current.value, nil
		}
	}
	if current = r.held.Load(); current != nil && now.Before(current.end) {
		return current.value, nil
	}
	if failure == nil {
		failure = errors.New("the document had expired when it came")
	}
	var none T
	return none, failure
}

// news fetches the document before its time, and answers the one at hand if the last fetch is too recent or this one
// fails.
func (r *remote[T]) news(ctx context.Context) (T, error) {
	if flight, _ := r.fetch(r.now(), true); flight != nil {
		if err := flight.wait(ctx); err != nil && r.held.Load() == nil {
			var none T
			return none, err
		}
	}
	return r.get(ctx)
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch answers the fetch under way, after beginning it if there is none. It begins none while the last one, if it
// failed or if the document at hand is still good, is too recent; failure says how the last one ended.
func (r *remote[T]) fetch(now time.Time, early bool) (under *flight, failure error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return r.flight, r.failure
	}
	recent := !r.tried.IsZero() && now.Sub(r.tried) < r.coolDown
	if recent && (early || r.failure != nil) {
		return nil, r.failure
	}
	if current := r.held.Load(); !early && current != nil && now.Before(current.soon) {
		return nil, nil // Somebody was faster.
	}
	begun := &flight{done: make(chan struct{})}
	r.flight = begun
	go func() {
		// Not the context of whoever asked first: others wait too, and the document stays.
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		begun.err = r.load(ctx)
		r.mu.Lock()
		r.flight, r.tried, r.failure = nil, r.now(), begun.err
		r.mu.Unlock()
		close(begun.done)
	}()
	return begun, r.failure
}

// load fetches the document and holds it.
func (r *remote[T]) load(ctx context.Context) error {
	address, err := r.url(ctx)
	if err != nil {
		return err
	}
	if err := checkAddress(address); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", address, err)
	}
	request.Header.Set("Accept", r.accept)
	current, began := r.held.Load(), r.now()
	if current != nil && !current.expires.IsZero() && !began.Before(current.expires) {
		current = nil // That it is still the same would not help.
	}
	if current != nil && current.tag != "" {
		request.Header.Set("If-None-Match", current.tag)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", address, err)
	}
	defer response.Body.Close()
	next := held[T]{tag: response.Header.Get("ETag"), fetched: began}
	switch {
	case response.StatusCode == http.StatusNotModified && current != nil:
		next.document, next.tag = current.document, current.tag
	case response.StatusCode == http.StatusOK:
		body, err := io.ReadAll(io.LimitReader(response.Body, r.limit+1))
		if err != nil {
			return fmt.Errorf("fetching %s: %w", address, err)
		}
		if int64(len(body)) > r.limit {
			return fmt.Errorf("fetching %s: it is larger than %d bytes", address, r.limit)
		}
		if next.document, err = r.parse(ctx, body); err != nil {
			return fmt.Errorf("reading %s: %w", address, err)
		}
	default:
		return fmt.Errorf("fetching %s: the answer is %s", address, response.Status)
	}
	lifetime := next.lifetime
	if lifetime == 0 {
		lifetime = maxAge(response.Header, r.lifetime.fallback)
	}
	lifetime = min(max(lifetime, r.lifetime.least), r.lifetime.most)
	next.due = began.Add(lifetime)
	next.soon = began.Add(lifetime / 5 * 4)
	next.end = next.due.Add(r.stale)
	if !next.expires.IsZero() {
		if !began.Before(next.expires) {
			return fmt.Errorf("reading %s: it has expired", address)
		}
		next.end = earlier(next.end, next.expires)
		next.due = earlier(next.due, next.expires)
		next.soon = earlier(next.soon, next.expires)
	}
	r.held.Store(&next)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// maxAge reads how long the response may be kept (RFC 9111 §5.2.2.1), less the time it has already been kept by
// others on its way (§5.1).
func maxAge(header http.Header, fallback time.Duration) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return 0
			}
			age, _ := strconv.ParseUint(header.Get("Age"), 10, 31)
			return time.Duration(max(0, int64(seconds)-int64(age))) * time.Second
		}
	}
	return fallback
}

// checkAddress refuses what is not https, unless it stays on this machine.
func checkAddress(text string) error {
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Host == "" || address.User != nil:
		return fmt.Errorf("%q is not an address of the issuer", text)
	case address.Scheme == "https", address.Scheme == "http" && isLoopback(address.Hostname()):
		return nil
	}
	return fmt.Errorf("%q is not https", text)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newClient answers a copy of the client, or of one of ours, that follows no redirect: where the issuer's documents
// are is said by the issuer's address and metadata.
func newClient(client *http.Client) *http.Client {
	if client == nil {
		client = &http.Client{Transport: http.DefaultTransport}
	}
	copied := *client
	copied.Jar = nil
	copied.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("redirects are refused")
	}
	return &copied
}
