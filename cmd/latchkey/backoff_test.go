package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestStrangersAreHeldUp: whoever guesses is told to wait, in the same bytes whether there is such a client or not; and
// the client gets its tokens all the while, from another address and from the very one where it is guessed for.
func TestStrangersAreHeldUp(t *testing.T) {
	p := startProgram(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"),
		"LATCHKEY_TOKEN_BACKOFF=true", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1/32")
	ask := func(from, id, secret string) (status int, body string) {
		t.Helper()
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
		request, err := http.NewRequestWithContext(t.Context(), "POST", p.issuer+oauth.TokenPath, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("X-Forwarded-For", from)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusTooManyRequests {
			if wait, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || wait != 1 {
				t.Errorf("Retry-After is %q", response.Header.Get("Retry-After"))
			}
		}
		return response.StatusCode, string(text)
	}
	// guess answers how many guesses were answered 401 before the server had enough, and what it said then.
	guess := func(from, id string) (refused int, body string) {
		t.Helper()
		for range 2000 {
			status, body := ask(from, id, "wrong")
			if status != http.StatusUnauthorized {
				return refused, fmt.Sprint(status, " ", body)
			}
			refused++
		}
		return refused, "no end"
	}
	const stranger = "192.0.2.1"
	known, saidOfKnown := guess(stranger, p.id)
	unknown, saidOfUnknown := guess(stranger, "cid_unknown")
	if known < 100 || unknown < 100 || saidOfKnown != saidOfUnknown || !strings.HasPrefix(saidOfKnown, `429 {"error":"slow_down"`) {
		t.Errorf("known: %d and then %s\nunknown: %d and then %s", known, saidOfKnown, unknown, saidOfUnknown)
	}
	for _, from := range []string{stranger, "192.0.2.2"} {
		if status, body := ask(from, p.id, p.secret); status != http.StatusOK {
			t.Errorf("the client at %s is answered %d %s", from, status, body)
		}
	}
}
