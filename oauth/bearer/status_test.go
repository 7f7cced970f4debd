package bearer_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

func TestStatusEndsTokens(t *testing.T) {
	issuer := bearertest.New(t)
	verifier, err := bearer.New(issuer.Config())
	if err != nil {
		t.Fatal(err)
	}
	other := issuer.Token(bearertest.Client("cid_other"))
	token := issuer.Token(bearertest.ID("one"))
	second := issuer.Token(bearertest.ID("two"))
	expect := func(token, reason string) {
		t.Helper()
		_, err := verifier.Verify(t.Context(), token)
		refusal := new(bearer.Refusal)
		if reason == "" && err != nil || reason != "" && (!errors.As(err, &refusal) || refusal.Reason != reason) {
			t.Fatalf("%v, want %q", err, reason)
		}
	}
	expect(token, "")
	issuer.SetStatus(bearertest.ClientID, bearer.StatusSuspended)
	issuer.Advance(7 * time.Second)
	expect(token, "") // The bound has not passed.
	issuer.Advance(3 * time.Second)
	expect(token, "its credential is inactive")
	expect(other, "")
	issuer.SetStatus(bearertest.ClientID, bearer.StatusInvalid)
	issuer.Advance(10 * time.Second)
	expect(token, "its credential was removed or its tokens were revoked")
	issuer.SetStatus(bearertest.ClientID, 3)
	issuer.Advance(10 * time.Second)
	expect(token, "its status is unknown")
	issuer.SetStatus(bearertest.ClientID, bearer.StatusValid)
	issuer.Revoke("one")
	issuer.Advance(10 * time.Second)
	expect(token, "revoked")
	expect(second, "")

	outside := issuer.Token(func(claims *bearer.Claims) {
		claims.Status = &bearer.Status{List: &bearer.StatusReference{Index: 1 << 40, URI: issuer.URL + "/oauth/status/1"}}
	})
	expect(outside, "its index is outside the status list")
	negative := issuer.Token(func(claims *bearer.Claims) {
		claims.Status = &bearer.Status{List: &bearer.StatusReference{Index: -1, URI: issuer.URL + "/oauth/status/1"}}
	})
	expect(negative, "its index is outside the status list")
	for _, uri := range []string{"https://evil.example/list", issuer.URL + ".evil.example/list", ""} {
		elsewhere := issuer.Token(func(claims *bearer.Claims) {
			claims.Status = &bearer.Status{List: &bearer.StatusReference{URI: uri}}
		})
		expect(elsewhere, "its status list is not the issuer's")
	}
	missing := issuer.Token(func(claims *bearer.Claims) {
		claims.Status = &bearer.Status{List: &bearer.StatusReference{URI: issuer.URL + "/oauth/status/2"}}
	})
	if _, err := verifier.Verify(t.Context(), missing); err == nil || errors.Is(err, bearer.ErrInvalidToken) {
		t.Errorf("a list that is not there: %v", err)
	}
}

func TestStatusWhileTheIssuerIsAway(t *testing.T) {
	for _, open := range []bool{false, true} {
		issuer := bearertest.New(t)
		config := issuer.Config()
		config.Status.FailOpen = open
		verifier, err := bearer.New(config)
		if err != nil {
			t.Fatal(err)
		}
		long := func(claims *bearer.Claims) { claims.ExpiresAt += 7200 }
		token := issuer.Token(long)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		issuer.SetAway(true)
		issuer.Advance(7 * time.Second)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("open %v, while the lists are fresh: %v", open, err)
		}
		issuer.Advance(30 * time.Minute)
		if _, err := verifier.Verify(t.Context(), token); (err == nil) != open || errors.Is(err, bearer.ErrInvalidToken) {
			t.Errorf("open %v, after their time: %v", open, err)
		}
		issuer.Advance(30 * time.Minute)
		if _, err := verifier.Verify(t.Context(), token); err == nil || errors.Is(err, bearer.ErrInvalidToken) {
			t.Errorf("open %v, after their exp: %v", open, err)
		}
		issuer.SetAway(false)
		issuer.Advance(2 * time.Second)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("open %v, when the issuer is back: %v", open, err)
		}
	}
}

// packed is a status list of bytes, as lst.
func packed(t testing.TB, list []byte) string {
	t.Helper()
	var buffer bytes.Buffer
	writer := zlib.NewWriter(&buffer)
	if _, err := writer.Write(list); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(buffer.Bytes())
}

// TestLists has the issuer's lists be anything that they should not be. Then nobody knows whether a token is in
// force, and that is no fault of the token.
func TestLists(t *testing.T) {
	const statusURL = issuer + "/oauth/status/7"
	private := newKey(t)
	now := noon.Unix()
	list := func(change func(claims map[string]any)) map[string]any {
		claims := map[string]any{
			"sub": statusURL, "iat": now, "exp": now + 3600, "ttl": 10,
			"status_list": map[string]any{"bits": 2, "lst": packed(t, []byte{0, 0b00_10_01_00})},
		}
		if change != nil {
			change(claims)
		}
		return claims
	}
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	bits := func(bits int, bytes ...byte) func(map[string]any) {
		return set("status_list", map[string]any{"bits": bits, "lst": packed(t, bytes)})
	}
	deny := map[string]any{"iss": issuer, "iat": now, "exp": now + 3600, "ttl": 10, "jtis": []string{"other"}}
	signed := func(typ string, claims map[string]any) string {
		return sign(t, private, jose.ES256, "k1", typ, claims)
	}
	good := signed(bearer.StatusListType, list(nil))
	const fault, refused, accepted = "fault", "refused", "accepted"
	for name, test := range map[string]struct {
		index int
		list  string
		deny  string
		want  string
	}{
		"valid":                    {4, good, "", accepted},
		"invalid":                  {5, good, "", refused},
		"suspended":                {6, good, "", refused},
		"the last":                 {7, good, "", accepted},
		"outside":                  {8, good, "", refused},
		"one bit":                  {9, signed(bearer.StatusListType, list(bits(1, 0, 0b10))), "", refused},
		"one bit, beside":          {8, signed(bearer.StatusListType, list(bits(1, 0, 0b10))), "", accepted},
		"four bits":                {3, signed(bearer.StatusListType, list(bits(4, 0, 0x20))), "", refused},
		"four bits, beside":        {2, signed(bearer.StatusListType, list(bits(4, 0, 0x20))), "", accepted},
		"eight bits":               {1, signed(bearer.StatusListType, list(bits(8, 0, 2))), "", refused},
		"eight bits, unknown":      {1, signed(bearer.StatusListType, list(bits(8, 0, 200))), "", refused},
		"three bits":               {0, signed(bearer.StatusListType, list(bits(3, 0, 0))), "", fault},
		"no bits":                  {0, signed(bearer.StatusListType, list(bits(0, 0, 0))), "", fault},
		"empty list":               {0, signed(bearer.StatusListType, list(bits(2))), "", refused},
		"a bomb":                   {0, signed(bearer.StatusListType, list(bits(2, make([]byte, 17<<20)...))), "", fault},
		"not base64":               {0, signed(bearer.StatusListType, list(set("status_list", map[string]any{"bits": 2, "lst": "!"}))), "", fault},
		"not zlib":                 {0, signed(bearer.StatusListType, list(set("status_list", map[string]any{"bits": 2, "lst": "AAAA"}))), "", fault},
		"truncated":                {0, signed(bearer.StatusListType, list(set("status_list", map[string]any{"bits": 2, "lst": packed(t, make([]byte, 100))[:12]}))), "", fault},
		"no list":                  {0, signed(bearer.StatusListType, list(set("status_list", nil))), "", fault},
		"another list":             {0, signed(bearer.StatusListType, list(set("sub", issuer+"/oauth/status/8"))), "", fault},
		"expired":                  {0, signed(bearer.StatusListType, list(set("exp", now))), "", fault},
		"no exp":                   {4, signed(bearer.StatusListType, list(set("exp", 0))), "", accepted},
		"no iat":                   {0, signed(bearer.StatusListType, list(set("iat", 0))), "", fault},
		"of the future":            {0, signed(bearer.StatusListType, list(set("iat", now+3600))), "", fault},
		"negative ttl":             {0, signed(bearer.StatusListType, list(set("ttl", -1))), "", fault},
		"other type":               {0, signed("JWT", list(nil)), "", fault},
		"type of an access token":  {0, signed(bearer.TokenType, list(nil)), "", fault},
		"other key":                {0, sign(t, newKey(t), jose.ES256, "k1", bearer.StatusListType, list(nil)), "", fault},
		"unsigned":                 {0, "e30.e30.", "", fault},
		"deny list of another":     {4, good, signed(bearer.DenyListType, map[string]any{"iss": "x", "iat": now, "exp": now + 1, "jtis": []string{}}), fault},
		"deny list without exp":    {4, good, signed(bearer.DenyListType, map[string]any{"iss": issuer, "iat": now, "jtis": []string{}}), fault},
		"deny list without a list": {4, good, signed(bearer.DenyListType, map[string]any{"iss": issuer, "iat": now, "exp": now + 1}), fault},
		"status list for it":       {4, good, good, fault},
		"denied":                   {4, good, signed(bearer.DenyListType, map[string]any{"iss": issuer, "iat": now, "exp": now + 1, "jtis": []string{"x"}}), refused},
	} {
		if test.deny == "" {
			test.deny = signed(bearer.DenyListType, deny)
		}
		network := new(publisher)
		text := func(body string) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
		}
		network.set(statusURL, text(test.list))
		network.set(issuer+bearer.DenyListPath, text(test.deny))
		verifier := newVerifier(t, bearer.Config{
			Keys:   keys{jose.JSONWebKey{Key: private.Public(), KeyID: "k1", Algorithm: "ES256"}},
			Status: &bearer.StatusConfig{}, Client: &http.Client{Transport: network},
		})
		claims := goodClaims()
		claims["status"] = map[string]any{"status_list": map[string]any{"idx": test.index, "uri": statusURL}}
		_, err := verifier.Verify(t.Context(), sign(t, private, jose.ES256, "k1", "at+jwt", claims))
		got := accepted
		if errors.Is(err, bearer.ErrInvalidToken) {
			got = refused
		} else if err != nil {
			got = fault
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s: %v", name, got, test.want, err)
		}
	}
}

func TestStatusListIsReadOncePerTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		private := newKey(t)
		network := new(publisher)
		network.set(issuer+bearer.DenyListPath, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"same"`)
			w.Header().Set("Cache-Control", "max-age=1000") // The list's own ttl comes first.
			if r.Header.Get("If-None-Match") == `"same"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write([]byte(sign(t, private, jose.ES256, "k1", bearer.DenyListType, map[string]any{
				"iss": issuer, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "ttl": 10, "jtis": []string{},
			})))
		})
		verifier, err := bearer.New(bearer.Config{
			Issuer: issuer, Audience: audience, Status: &bearer.StatusConfig{}, Client: &http.Client{Transport: network},
			Keys: keys{jose.JSONWebKey{Key: private.Public(), KeyID: "k1", Algorithm: "ES256"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		claims := goodClaims()
		claims["iat"], claims["exp"] = time.Now().Unix(), time.Now().Add(2*time.Hour).Unix()
		token := sign(t, private, jose.ES256, "k1", "at+jwt", claims)
		for second := range 100 {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Fatalf("after %d seconds: %v", second, err)
			}
			time.Sleep(time.Second)
		}
		if asked := network.asked.Load(); asked < 10 || asked > 13 {
			t.Errorf("%d fetches in 100 seconds", asked)
		}
		// A 304 does not put off its exp: then it is fetched whole.
		time.Sleep(time.Hour)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("after its exp: %v", err)
		}
	})
}

// TestListsUnderChange has many readers verify while the issuer changes its keys and lists, for the race detector.
func TestListsUnderChange(t *testing.T) {
	issuer := bearertest.New(t)
	verifier, err := bearer.New(issuer.Config())
	if err != nil {
		t.Fatal(err)
	}
	long := func(claims *bearer.Claims) { claims.ExpiresAt += 1 << 20 }
	good, bad := issuer.Token(long), issuer.Token(long, bearertest.Client("cid_bad"))
	issuer.SetStatus("cid_bad", bearer.StatusSuspended)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				if _, err := verifier.Verify(t.Context(), good); err != nil {
					t.Error(err)
				}
				if _, err := verifier.Verify(t.Context(), bad); !errors.Is(err, bearer.ErrInvalidToken) {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		issuer.Rotate()
		issuer.Advance(31 * time.Second) // The cool-down of unknown keys.
		if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
}
