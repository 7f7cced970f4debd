package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// In TestRotationUnderLoad a day lasts less than a second, for the server and for whoever keeps its keys.
const (
	fastMaxAge = time.Second
	fastPeriod = 4 * time.Second
	fastToken  = 3 * time.Second
)

// TestRotationUnderLoad has two replicas rotate their keys on schedule, while both issue tokens. Verifiers that keep
// the JWKS for as long as they may take every token, at once and shortly before it expires.
func TestRotationUnderLoad(t *testing.T) {
	const rotations = 3
	database := sharedPostgres.NewDatabase(t)
	fast := []string{
		fmt.Sprint("LATCHKEY_KEY_ROTATION_PERIOD=", fastPeriod), fmt.Sprint("LATCHKEY_JWKS_MAX_AGE=", fastMaxAge),
		"LATCHKEY_CLOCK_SKEW=500ms", fmt.Sprint("LATCHKEY_TOKEN_LIFETIME_MAX=", fastToken),
	}
	replicas := []*program{startProgram(t, database, fast...), startProgram(t, database, fast...)}
	verifiers := append(keepingGoVerifiers(t, replicas[0].issuer), startNPM(t).keepingVerifiers()...)

	ctx, stop := context.WithTimeout(t.Context(), rotations*fastPeriod+fastPeriod/2)
	defer stop()
	var (
		working sync.WaitGroup
		mutex   sync.Mutex
		kids    = make(map[any]int)
		refused int
	)
	for i := range 8 {
		replica := replicas[i%2]
		working.Go(func() {
			for ctx.Err() == nil {
				status, body, err := askToken(ctx, replica.issuer, replica.id, replica.secret)
				if ctx.Err() != nil {
					return
				}
				if status == http.StatusServiceUnavailable { // A machine with too much to do: nothing was issued.
					mutex.Lock()
					refused++
					mutex.Unlock()
					continue
				}
				if err != nil || status != http.StatusOK {
					t.Errorf("worker %d was answered %d %s, %v", i, status, body, err)
					return
				}
				issued := time.Now()
				var answer struct {
					Token string `json:"access_token"`
				}
				if err := json.Unmarshal([]byte(body), &answer); err != nil {
					t.Error(err)
					return
				}
				for _, age := range []time.Duration{0, fastToken / 3} {
					time.Sleep(time.Until(issued.Add(age)))
					for _, verifier := range verifiers {
						// All replicas are one issuer, and its JWKS is at each of them.
						_, err := verifier.verify(t.Context(), replicas[0].issuer, admin.ManagementAudience(oneIssuer), answer.Token)
						if err != nil && time.Since(issued) < fastToken-time.Second {
							t.Errorf("%s, %s after a token was issued: %v", verifier.name, time.Since(issued), err)
						}
					}
				}
				mutex.Lock()
				kids[headerOf(answer.Token)["kid"]]++
				mutex.Unlock()
			}
		})
	}
	working.Wait()
	t.Logf("tokens by key: %v; %d times the database was away", kids, refused)
	if len(kids) <= rotations {
		t.Errorf("%d keys have signed; want more than %d", len(kids), rotations)
	}
	tokens := 0
	for _, n := range kids {
		tokens += n
	}
	if refused > tokens/10 {
		t.Errorf("%d answers of 503 beside %d tokens: rotation itself keeps the server from answering", refused, tokens)
	}
}

// TestAlgorithmOfAnAPI: an API asks for an algorithm of its own; its tokens are signed so as soon as verifiers can know
// the key, and all others as before.
func TestAlgorithmOfAnAPI(t *testing.T) {
	p := startProgram(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"), "LATCHKEY_JWKS_MAX_AGE=1s",
		"LATCHKEY_CLOCK_SKEW=0s", "LATCHKEY_KEY_ROTATION_PERIOD=4s", "LATCHKEY_RSA_BITS=2048")
	manage := clientcredentials.Config{ClientID: p.id, ClientSecret: p.secret, TokenURL: p.issuer + oauth.TokenPath}
	response, err := manage.Client(t.Context()).Post(p.issuer+"/admin/v1/apply", "application/json", strings.NewReader(`{"apis": [
		{"key": "special", "name": "Special API", "audience": "https://special.example", "level": "org", "choice": "one",
		 "token_lifetime": 60, "signing_alg": "PS256", "permissions": [{"key": "use", "name": "Use"}]}]}`))
	readJSON(t, response, err, http.StatusOK, new(any))
	response, err = manage.Client(t.Context()).Post(p.issuer+"/admin/v1/credentials", "application/json", strings.NewReader(`{
		"name": "Special", "grants": [{"api": "special", "permissions": ["use"], "applies_to": {"org": true}}]}`))
	var created struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	readJSON(t, response, err, http.StatusCreated, &created)

	algorithm := func(id, secret string) any { return headerOfNew(t, p.issuer, id, secret)["alg"] }
	first := algorithm(created.ClientID, created.ClientSecret)
	for deadline := time.Now().Add(20 * time.Second); algorithm(created.ClientID, created.ClientSecret) != "PS256"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the API's tokens are never signed as it asks")
		}
	}
	if other := algorithm(p.id, p.secret); first != "ES256" || other != "ES256" {
		t.Errorf("at first tokens are signed by %v, and those of others by %v", first, other)
	}
}

// TestMasterKeyIsChangedUnderReplicas: a server that has another master key already seals what it makes under it, and the
// others, which were told of that one first, sign with it as well.
func TestMasterKeyIsChangedUnderReplicas(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db")
	const before, after = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	start := func(master, other string) *program {
		return startProgram(t, database, "LATCHKEY_MASTER_KEY="+master, "LATCHKEY_PREVIOUS_MASTER_KEY="+other,
			"LATCHKEY_JWKS_MAX_AGE=1s", "LATCHKEY_CLOCK_SKEW=0s")
	}
	waiting, changed := start(before, after), start(after, before)
	var first jose.JSONWebKeySet
	response, err := http.Get(waiting.issuer + oauth.JWKSPath)
	readJSON(t, response, err, http.StatusOK, &first)
	manage := clientcredentials.Config{ClientID: changed.id, ClientSecret: changed.secret, TokenURL: changed.issuer + oauth.TokenPath}
	deadline := time.Now().Add(time.Minute)
	for kid := ""; kid == "" || len(first.Key(kid)) > 0; time.Sleep(300 * time.Millisecond) {
		response, err := manage.Client(t.Context()).Post(changed.issuer+"/admin/v1/keys/rotations", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close() // 409 as long as the next key has not been published for a second.
		kid, _ = headerOfNew(t, waiting.issuer, waiting.id, waiting.secret)["kid"].(string)
		if time.Now().After(deadline) {
			t.Fatal("no key that was sealed under the other master key ever signs")
		}
	}
}

// headerOfNew answers the header of a new token of a client.
func headerOfNew(t *testing.T, issuer, id, secret string) map[string]any {
	t.Helper()
	status, body, err := askToken(t.Context(), issuer, id, secret)
	if err != nil || status != http.StatusOK {
		t.Fatalf("answered %d %s, %v", status, body, err)
	}
	return headerOf(accessToken(t, body))
}

// oneIssuer is what all programs that a test starts call themselves.
const oneIssuer = "http://localhost:8080"

// headerOf answers the header of a token, unverified; nil if there is none.
func headerOf(token string) map[string]any {
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		return nil
	}
	return parsed.Header
}

// keepingGoVerifiers keep the keys of one server as long as they may.
func keepingGoVerifiers(t *testing.T, server string) []verifier {
	jwksURL := server + oauth.JWKSPath
	withOIDC := oidc.NewRemoteKeySet(t.Context(), jwksURL)
	withJWX, err := jwk.NewCache(t.Context(), httprc.NewClient())
	if err != nil {
		t.Fatal(err)
	}
	if err := withJWX.Register(t.Context(), jwksURL, jwk.WithConstantInterval(fastMaxAge)); err != nil {
		t.Fatal(err)
	}
	cached, err := withJWX.CachedSet(jwksURL)
	if err != nil {
		t.Fatal(err)
	}
	withKeyfunc, err := keyfunc.NewDefaultOverrideCtx(t.Context(), []string{jwksURL}, keyfunc.Override{RefreshInterval: fastMaxAge})
	if err != nil {
		t.Fatal(err)
	}
	return []verifier{
		{"go-oidc", func(ctx context.Context, _, audience, token string) (*bearer.Claims, error) {
			config := &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}}
			_, err := oidc.NewVerifier(oneIssuer, withOIDC, config).Verify(ctx, token)
			return nil, err
		}},
		{"jwx", func(_ context.Context, _, audience, token string) (*bearer.Claims, error) {
			_, err := jwxjwt.Parse([]byte(token), jwxjwt.WithKeySet(cached), jwxjwt.WithIssuer(oneIssuer), jwxjwt.WithAudience(audience))
			return nil, err
		}},
		{"golang-jwt with keyfunc", func(_ context.Context, _, audience, token string) (*bearer.Claims, error) {
			_, err := jwt.Parse(token, withKeyfunc.Keyfunc, jwt.WithIssuer(oneIssuer), jwt.WithAudience(audience))
			return nil, err
		}},
	}
}

// keepingVerifiers are the JavaScript libraries that keep the keys.
func (n *npmLibraries) keepingVerifiers() []verifier {
	var (
		verifiers []verifier
		asking    sync.Mutex // The script answers one request after the other.
	)
	for _, library := range []string{"jose", "jwks-rsa", "get-jwks"} {
		verifiers = append(verifiers, verifier{library, func(_ context.Context, server, audience, token string) (*bearer.Claims, error) {
			asking.Lock()
			defer asking.Unlock()
			answered, err := n.ask(map[string]any{
				"library": library, "issuer": oneIssuer, "jwks_uri": server + oauth.JWKSPath,
				"audience": audience, "token": token, "max_age": fastMaxAge.Seconds(),
			})
			return answered.Claims, err
		}})
	}
	return verifiers
}
