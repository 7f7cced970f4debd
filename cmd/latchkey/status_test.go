package main

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// TestInspectors asks about tokens and gives them up with libraries that others wrote, and has a resource server read the
// lists: what ended, it refuses within the time it was told.
func TestInspectors(t *testing.T) {
	npm, first := startNPM(t), startWith(t, identity{})
	lever := newLever(t, first)
	verifier, err := bearer.New(bearer.Config{
		Issuer: first.issuer, Audience: admin.ManagementAudience(first.issuer), Status: &bearer.StatusConfig{MaxAge: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	issue := func() string {
		t.Helper()
		_, body, err := askToken(t.Context(), first.issuer, first.id, first.secret)
		if err != nil {
			t.Fatal(err)
		}
		token := accessToken(t, body)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("a new token: %v", err)
		}
		return token
	}
	refused := func(token, reason string) {
		t.Helper()
		var refusal *bearer.Refusal
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if _, err := verifier.Verify(t.Context(), token); errors.As(err, &refusal) {
				break
			}
		}
		if refusal == nil || refusal.Reason != reason {
			t.Errorf("at a resource server: %v; want %s", refusal, reason)
		}
	}
	for _, library := range []string{"oauth4webapi", "openid-client"} {
		request := map[string]any{
			"library": library, "method": "ClientSecretBasic",
			"issuer": first.issuer, "client_id": first.id, "client_secret": first.secret,
		}
		ask := func(members map[string]any) answer {
			t.Helper()
			members = maps.Clone(members)
			maps.Copy(members, request)
			answered, err := npm.ask(members)
			if err != nil {
				t.Fatalf("%s: %v", library, err)
			}
			return answered
		}
		revoked, suspended := issue(), issue()
		for _, signed := range []bool{false, true} {
			claims := ask(map[string]any{"inspect": revoked, "signed": signed}).Claims
			if claims == nil || claims.ClientID != first.id || claims.Issuer != first.issuer {
				t.Errorf("%s: introspection, signed: %t, says %+v", library, signed, claims)
			}
		}
		ask(map[string]any{"revoke": revoked})
		if claims := ask(map[string]any{"inspect": revoked}).Claims; claims.ClientID != "" {
			t.Errorf("%s: introspection of a revoked token says %+v", library, claims)
		}
		refused(revoked, "revoked")
		if _, err := verifier.Verify(t.Context(), suspended); err != nil {
			t.Errorf("another token: %v", err)
		}
		lever.pull(t, first.id, "deactivate")
		refused(suspended, "its credential is inactive")
		lever.pull(t, first.id, "activate")
		refused(suspended, "its credential is inactive")
	}
}

// statusClaim is where a token says that its status is read.
type statusClaim struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

func statusIn(t *testing.T, claims jwt.MapClaims) statusClaim {
	t.Helper()
	var read struct {
		Status struct {
			List statusClaim `json:"status_list"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(asJSON(t, claims)), &read); err != nil || read.Status.List.URI == "" {
		t.Fatalf("a token without a status: %v, %v", claims, err)
	}
	return read.Status.List
}

// statusLists are status lists unpacked, by their URI, as one reads them who has nothing but the draft.
type statusLists map[string][]byte

// at answers the two bits of a token, from the list as it is now unless it was read before.
func (l statusLists) at(t *testing.T, p *program, status statusClaim) byte {
	t.Helper()
	if l[status.URI] == nil {
		// All programs of the tests call themselves one issuer.
		response, err := http.Get(strings.Replace(status.URI, oneIssuer, p.issuer, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/statuslist+jwt" {
			t.Fatalf("%s answered %s, %v: %s, %v", status.URI, response.Status, response.Header, text, err)
		}
		var claims struct {
			jwt.RegisteredClaims
			List struct {
				Bits int    `json:"bits"`
				List string `json:"lst"`
			} `json:"status_list"`
		}
		token, _, err := jwt.NewParser().ParseUnverified(string(text), &claims)
		if err != nil || token.Header["typ"] != "statuslist+jwt" || claims.Subject != status.URI || claims.List.Bits != 2 {
			t.Fatalf("the list is %s, %v", text, err)
		}
		packed, err := base64.RawURLEncoding.DecodeString(claims.List.List)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if l[status.URI], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
	return l[status.URI][status.Index/4] >> (status.Index % 4 * 2) & 3
}
