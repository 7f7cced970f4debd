package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	maxAnswer = 32 << 20 // Bytes of an answer that are read.
	maxTries  = 4        // Of a request that can be repeated.
	pageSize  = 100      // The largest page that the server makes.
	maxRows   = 100_000  // Of a list, whatever is asked for.
)

// api sends the requests of a command, with a token for the management API.
type api struct {
	issuer string
	plain  *http.Client // Sends no token.
	http   *http.Client
	token  clientcredentials.Config
}

func newAPI(ctx context.Context, found settled) *api {
	plain := &http.Client{
		Timeout:   found.wait,
		Transport: retrying{http.DefaultTransport},
		// A redirection could carry a secret elsewhere, and our server sends none.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	config := clientcredentials.Config{
		ClientID: found.clientID.Value, ClientSecret: found.clientSecret.Value,
		TokenURL: found.issuer.Value + "/oauth/token", AuthStyle: oauth2.AuthStyleInHeader,
	}
	management := config
	management.EndpointParams = url.Values{"resource": {found.issuer.Value + "/admin/v1"}}
	withToken := management.Client(context.WithValue(ctx, oauth2.HTTPClient, plain))
	withToken.Timeout, withToken.CheckRedirect = plain.Timeout, plain.CheckRedirect
	return &api{issuer: found.issuer.Value, plain: plain, http: withToken, token: config}
}

// retrying repeats a request after an error of the network or a 503, if it can be repeated without being done twice:
// it only reads, asks for a token, or carries an Idempotency-Key.
type retrying struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	repeatable := request.Method == http.MethodGet || request.Header.Get("Idempotency-Key") != "" ||
		strings.HasSuffix(request.URL.Path, "/oauth/token")
	if !repeatable {
		return r.next.RoundTrip(request)
	}
	tries := 0
	return backoff.Retry(request.Context(), func() (*http.Response, error) {
		attempt := request.Clone(request.Context())
		if request.GetBody != nil {
			body, err := request.GetBody()
			if err != nil {
				return nil, backoff.Permanent(err)
			}
			attempt.Body = body
		}
		tries++
		response, err := r.next.RoundTrip(attempt)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || tries == maxTries {
			return response, err
		}
		io.Copy(io.Discard, io.LimitReader(response.Body, maxSecret))
		response.Body.Close()
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= 10 {
			return nil, backoff.RetryAfter(seconds)
		}
		return nil, errors.New(response.Status)
	}, backoff.WithMaxTries(maxTries))
}

// request is one request to the management API.
type request struct {
	method  string
	path    string // After /admin/v1.
	query   url.Values
	body    any    // Nil for none.
	ifMatch string // The ETag that the change is meant for.
	create  bool   // Whether it must not be there yet.
	once    bool   // Whether it makes something, and must not be done twice.
}

// answer is a success.
type answer struct {
	body   []byte
	etag   string
	status int
}

// decode reads the body of an answer.
func (a answer) decode(value any) error {
	if err := json.Unmarshal(a.body, value); err != nil {
		return failed("latchkey doctor", "the server's answer cannot be read: %s", err)
	}
	return nil
}

// send sends a request. What is no success is a *Failure.
func (a *api) send(ctx context.Context, r request) (answer, error) {
	sent, err := r.build(ctx, a.issuer)
	if err != nil {
		return answer{}, err
	}
	response, err := a.http.Do(sent)
	if err != nil {
		return answer{}, unreachable(ctx, a.issuer, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, unreachable(ctx, a.issuer, err)
	case len(body) > maxAnswer:
		return answer{}, failed("ask for less", "the server's answer is longer than %d bytes", maxAnswer)
	case response.StatusCode/100 != 2:
		return answer{}, refusal(response.StatusCode, response.Header, bytes.TrimSpace(body))
	}
	return answer{body: bytes.TrimSpace(body), etag: response.Header.Get("ETag"), status: response.StatusCode}, nil
}

func (r request) build(ctx context.Context, issuer string) (*http.Request, error) {
	target := issuer + "/admin/v1" + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var text []byte
	if r.body != nil {
		var err error
		if text, err = json.Marshal(r.body); err != nil {
			return nil, err
		}
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	if r.ifMatch != "" {
		sent.Header.Set("If-Match", r.ifMatch)
	}
	if r.create {
		sent.Header.Set("If-None-Match", "*")
	}
	if r.once {
		sent.Header.Set("Idempotency-Key", rand.Text())
	}
	return sent, nil
}

// get reads one thing.
func (a *api) get(ctx context.Context, segments ...string) (answer, error) {
	return a.send(ctx, request{method: http.MethodGet, path: path(segments...)})
}

// path joins the segments of a path, of which any may be what the user typed.
func path(segments ...string) string {
	text := strings.Builder{}
	for _, segment := range segments {
		text.WriteString("/" + url.PathEscape(segment))
	}
	return text.String()
}

// page is a page of a list, and all pages together.
type page struct {
	Data       []jsontext.Value `json:"data"`
	NextCursor *string          `json:"next_cursor"`
}

// pages reads a list from its beginning, until it ends or has so many rows. One page is answered as the server sent
// it; several are put together.
func (a *api) pages(ctx context.Context, path string, query url.Values, limit int) (page, []byte, error) {
	var whole page
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(whole.Data), pageSize)))
		got, err := a.send(ctx, request{method: http.MethodGet, path: path, query: query})
		if err != nil {
			return whole, nil, err
		}
		var next page
		if err := got.decode(&next); err != nil {
			return whole, nil, err
		}
		only := whole.Data == nil
		whole.Data, whole.NextCursor = append(whole.Data, next.Data...), next.NextCursor
		if next.NextCursor == nil || len(whole.Data) >= limit {
			if only {
				return whole, got.body, nil
			}
			body, err := json.Marshal(whole)
			return whole, body, err
		}
		query.Set("cursor", *next.NextCursor)
	}
}

// isNotFound reports whether there is no such thing.
func isNotFound(err error) bool {
	var failure *Failure
	if !errors.As(err, &failure) || failure.problem == nil {
		return false
	}
	var read problem
	return json.Unmarshal(failure.problem, &read) == nil && strings.HasSuffix(read.Type, "/problems/not-found")
}

// when shows a time to people, in UTC.
func when(instant *time.Time) string {
	if instant == nil || instant.IsZero() {
		return "never"
	}
	return instant.UTC().Format("2006-01-02 15:04:05 UTC")
}
