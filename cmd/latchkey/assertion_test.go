package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/latchkey-auth/latchkey/oauth"
)

// keyed is a client that authenticates by a key of its own.
type keyed struct {
	id      string
	private jose.JSONWebKey
}

// newKeyed registers a client with a new key that may read profiles.
func (l *lever) newKeyed(t *testing.T) keyed {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "one", Algorithm: string(jose.ES256), Use: "sig"}
	body, err := json.Marshal(map[string]any{
		"name": "Keyed " + rand.Text(), "org_id": "org_example", "auth_method": "private_key_jwt",
		"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}},
		"grants": []any{map[string]any{
			"api": "latchkey", "permissions": []string{"credentials:read", "credentials:write"}, "applies_to": map[string]any{"installation": true},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer := l.call(t, http.MethodPost, "credentials", string(body))
	var created struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(answer.body), &created); err != nil || answer.status != http.StatusCreated {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	return keyed{created.ID, key}
}

// assert makes an assertion for the issuer.
func (k keyed) assert(t *testing.T, issuer string) string {
	t.Helper()
	return k.assertUntil(t, issuer, time.Now().Add(time.Minute))
}

// assertUntil makes an assertion that expires then.
func (k keyed) assertUntil(t *testing.T, issuer string, expiry time.Time) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.private}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: k.id, Subject: k.id, Audience: jwt.Audience{issuer}, ID: rand.Text(),
		Expiry: jwt.NewNumericDate(expiry),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ask sends an assertion to a replica, and answers the status.
func (k keyed) ask(t *testing.T, replica, assertion string) int {
	response, err := http.PostForm(replica+oauth.TokenPath, url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {oauth.AssertionType}, "client_assertion": {assertion},
	})
	if err != nil {
		t.Error(err)
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// TestAssertionOnceOnAllReplicas: of one assertion sent many times at once to two replicas, one gets a token.
func TestAssertionOnceOnAllReplicas(t *testing.T) {
	database := sharedPostgres.NewDatabase(t)
	replicas := []*program{startProgram(t, database), startProgram(t, database)}
	client := newLever(t, replicas[0].identity).newKeyed(t)
	for range 20 {
		assertion := client.assert(t, oneIssuer)
		var issued, refused atomic.Int64
		var asking sync.WaitGroup
		for i := range 8 {
			asking.Go(func() {
				switch status := client.ask(t, replicas[i%2].issuer, assertion); status {
				case http.StatusOK:
					issued.Add(1)
				case http.StatusUnauthorized:
					refused.Add(1)
				default:
					t.Errorf("answered %d", status)
				}
			})
		}
		asking.Wait()
		if issued.Load() != 1 || refused.Load() != 7 {
			t.Fatalf("%d tokens and %d refusals; want 1 and 7", issued.Load(), refused.Load())
		}
	}
}

// TestKeyedClients: libraries that others wrote get a token by private_key_jwt, and none while the client is inactive.
func TestKeyedClients(t *testing.T) {
	npm := startNPM(t)
	first := startWith(t, identity{})
	lever := newLever(t, first)
	keyed := lever.newKeyed(t)
	for _, library := range []string{"oauth4webapi", "openid-client"} {
		t.Run(library, func(t *testing.T) {
			request := map[string]any{
				"library": library, "method": "PrivateKeyJwt", "issuer": first.issuer, "client_id": keyed.id, "private_jwk": keyed.private,
			}
			answered, err := npm.ask(request)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, npm.verifier(), identity{issuer: first.issuer, id: keyed.id}, answered.Token)
			lever.pull(t, keyed.id, "deactivate")
			if answered, err := npm.ask(request); err == nil {
				t.Errorf("inactive, and got %q", answered.Token)
			}
			lever.pull(t, keyed.id, "activate")
		})
	}
}
