package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stub starts a server that issues tokens, and answers all else by a handler.
func stub(t *testing.T, handler http.HandlerFunc) *api {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":60}`)
	})
	mux.HandleFunc("/", handler)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return newAPI(t.Context(), settled{
		issuer: setting{Value: server.URL}, clientID: setting{Value: "id"}, clientSecret: setting{Value: "secret"}, wait: 20 * time.Second,
	})
}

// TestRepeats holds that only what cannot be done twice is repeated, with the same key, and not without end.
func TestRepeats(t *testing.T) {
	for name, test := range map[string]struct {
		request request
		tries   int32
	}{
		"reading":          {request{method: http.MethodGet, path: "/x"}, maxTries},
		"making, with key": {request{method: http.MethodPost, path: "/x", body: "b", once: true}, maxTries},
		"making":           {request{method: http.MethodPost, path: "/x", body: "b"}, 1},
		"changing":         {request{method: http.MethodPatch, path: "/x", body: "b", ifMatch: `"1"`}, 1},
		"deleting":         {request{method: http.MethodDelete, path: "/x", ifMatch: `"1"`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			var first atomic.Value
			a := stub(t, func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				body, _ := io.ReadAll(r.Body)
				seen := r.Header.Get("Idempotency-Key") + " " + string(body)
				if !first.CompareAndSwap(nil, seen) && first.Load() != seen {
					t.Errorf("%q is repeated as %q", first.Load(), seen)
				}
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			_, err := a.send(t.Context(), test.request)
			var failure *Failure
			if !errors.As(err, &failure) || failure.Code != ExitFailed || tries.Load() != test.tries {
				t.Errorf("%d tries, %v; want %d", tries.Load(), err, test.tries)
			}
		})
	}
}

func TestRepeatSucceeds(t *testing.T) {
	var tries atomic.Int32
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 { // The connection breaks.
			connection, _, _ := http.NewResponseController(w).Hijack()
			connection.Close()
			return
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"client_id":"cid"}`)
	})
	got, err := a.send(t.Context(), request{method: http.MethodPost, path: "/credentials", body: "b", once: true})
	if err != nil || string(got.body) != `{"client_id":"cid"}` || tries.Load() != 2 {
		t.Errorf("%s after %d tries: %v", got.body, tries.Load(), err)
	}
}

// TestPages holds that one page is answered as it is, that several become one, and that a limit ends the reading.
func TestPages(t *testing.T) {
	const total = 250
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		var from, limit int
		fmt.Sscan(r.URL.Query().Get("cursor"), &from)
		fmt.Sscan(r.URL.Query().Get("limit"), &limit)
		to := min(from+limit, total)
		rows := make([]string, 0, limit)
		for i := from; i < to; i++ {
			rows = append(rows, fmt.Sprintf(`{"n": %d, "html": "<b>"}`, i))
		}
		next := fmt.Sprintf(`"%d"`, to)
		if to == total {
			next = "null"
		}
		fmt.Fprintf(w, `{"data": [%s], "next_cursor": %s}`, strings.Join(rows, ","), next)
	})
	for _, test := range []struct {
		limit, rows int
		more        bool
	}{{50, 50, true}, {100, 100, true}, {120, 120, true}, {250, 250, false}, {1000, 250, false}} {
		got, body, err := a.pages(t.Context(), "/x", make(url.Values), test.limit)
		if err != nil || len(got.Data) != test.rows || (got.NextCursor != nil) != test.more {
			t.Errorf("%d: %d rows, more %v: %v", test.limit, len(got.Data), got.NextCursor != nil, err)
		}
		if !strings.Contains(string(body), "<b>") {
			t.Errorf("%d: the rows are not as the server sent them: %.60s", test.limit, body)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stolen" {
			t.Error("the token went elsewhere")
		}
		http.Redirect(w, r, "/stolen", http.StatusTemporaryRedirect)
	})
	if _, err := a.get(t.Context(), "me"); err == nil {
		t.Error("a redirection is a success")
	}
}

// TestFailure holds what each refusal means to a script and to people.
func TestFailure(t *testing.T) {
	for status, code := range map[int]int{400: 1, 401: 4, 403: 4, 404: 1, 409: 5, 412: 5, 422: 1, 429: 1, 500: 1, 503: 1} {
		body := fmt.Sprintf(`{"type":"http://x/problems/p","title":"Refused\u001b[2J","status":%d,"request_id":"r1","errors":[{"pointer":"/name","code":"c","detail":"too long"}]}`, status)
		failure := refusal(status, http.Header{"Content-Type": {"application/problem+json"}}, []byte(body))
		var text, document strings.Builder
		failure.Print(&text, false)
		failure.Print(&document, true)
		if failure.Code != code || !strings.HasPrefix(text.String(), "error: Refused�[2J; /name too long\n") || !strings.HasSuffix(text.String(), "request: r1\n") {
			t.Errorf("%d: exit code %d, %q", status, failure.Code, &text)
		}
		if strings.TrimSpace(document.String()) != body {
			t.Errorf("%d: the document becomes %s", status, &document)
		}
	}
	var text strings.Builder
	refusal(http.StatusBadGateway, http.Header{}, []byte("<html>")).Print(&text, true)
	if text.String() != "error: the server answered 502 Bad Gateway\nhint: latchkey doctor\n" {
		t.Errorf("what is no problem document is shown as %q", &text)
	}
}
