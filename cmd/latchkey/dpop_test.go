package main

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// proofOf makes a DPoP proof of now, with a token for a request that presents one.
func proofOf(holder *bearertest.Holder, method, url, nonce, token string) string {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return holder.Sign(claims)
}

// tokenAnswer is what the token endpoint answers.
type tokenAnswer struct {
	status int
	nonce  string
	Token  string     `json:"access_token"`
	Type   string     `json:"token_type"`
	Code   oauth.Code `json:"error"`
}

// askBound asks a replica for a token with these DPoP headers.
func askBound(t *testing.T, replica identity, proofs ...string) (answered tokenAnswer) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {replica.id}, "client_secret": {replica.secret}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, replica.issuer+oauth.TokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return answered
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header["Dpop"] = proofs
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return answered
	}
	defer response.Body.Close()
	answered.status, answered.nonce = response.StatusCode, response.Header.Get("DPoP-Nonce")
	if err := json.NewDecoder(response.Body).Decode(&answered); err != nil {
		t.Error(err)
	}
	return answered
}

// TestProofOnceOnAllReplicas: of one proof sent many times at once to two replicas, one gets a token; and a nonce of
// the one is good at the other, until it is too old for both.
func TestProofOnceOnAllReplicas(t *testing.T) {
	database := sharedPostgres.NewDatabase(t)
	replicas := []*program{
		startProgram(t, database, "LATCHKEY_DPOP_NONCE=true"), startProgram(t, database, "LATCHKEY_DPOP_NONCE=true"),
	}
	holder := bearertest.New(t).NewHolder()
	address := oneIssuer + oauth.TokenPath
	first := askBound(t, replicas[0].identity, proofOf(holder, "POST", address, "", ""))
	if first.status != http.StatusBadRequest || first.Code != oauth.UseDPoPNonce || first.nonce == "" {
		t.Fatalf("without a nonce: %+v", first)
	}
	for range 20 {
		proof := proofOf(holder, "POST", address, first.nonce, "")
		var issued, refused atomic.Int64
		var asking sync.WaitGroup
		for i := range 8 {
			asking.Go(func() {
				switch got := askBound(t, replicas[i%2].identity, proof); {
				case got.status == http.StatusOK && got.Type == "DPoP":
					issued.Add(1)
				case got.status == http.StatusBadRequest && got.Code == oauth.InvalidDPoPProof:
					refused.Add(1)
				default:
					t.Errorf("answered %+v", got)
				}
			})
		}
		asking.Wait()
		if issued.Load() != 1 || refused.Load() != 7 {
			t.Fatalf("%d tokens and %d refusals; want 1 and 7", issued.Load(), refused.Load())
		}
	}
	// The replica was reached at its own address, which is not the issuer's.
	got := askBound(t, replicas[1].identity, proofOf(holder, "POST", replicas[1].issuer+oauth.TokenPath, first.nonce, ""))
	if got.Code != oauth.InvalidDPoPProof {
		t.Errorf("a proof for the Host header's URL: %+v", got)
	}
	good := proofOf(holder, "POST", address, first.nonce, "")
	if got := askBound(t, replicas[1].identity, good, good); got.Code != oauth.InvalidDPoPProof {
		t.Errorf("two proofs: %+v", got)
	}
}

// TestBoundClients: libraries that others wrote get a token that is bound to their DPoP key, also where a nonce is
// demanded; and a credential that must have such tokens gets no other.
func TestBoundClients(t *testing.T) {
	npm := startNPM(t)
	for name, environ := range map[string][]string{"no nonce": nil, "nonce": {"LATCHKEY_DPOP_NONCE=true"}} {
		t.Run(name, func(t *testing.T) {
			first := startWith(t, identity{}, environ...)
			lever := newLever(t, first)
			made := lever.call(t, http.MethodPost, "credentials", `{"name": "Bound", "org_id": "org_example", "dpop_required": true,
				"grants": [{"api": "latchkey", "permissions": ["credentials:write"], "applies_to": {"installation": true}}]}`)
			var bound struct {
				ID     string `json:"client_id"`
				Secret string `json:"client_secret"`
			}
			if err := json.Unmarshal([]byte(made.body), &bound); err != nil || made.status != http.StatusCreated {
				t.Fatalf("%d %s", made.status, made.body)
			}
			first.id, first.secret = bound.ID, bound.Secret
			if got := askBound(t, first); got.status != http.StatusBadRequest || got.Code != oauth.InvalidDPoPProof {
				t.Errorf("without a proof: %+v", got)
			}
			for _, library := range []string{"oauth4webapi", "openid-client"} {
				t.Run(library, func(t *testing.T) {
					answered, err := npm.ask(map[string]any{
						"library": library, "method": "ClientSecretBasic", "dpop": true,
						"issuer": first.issuer, "client_id": first.id, "client_secret": first.secret,
					})
					if err != nil {
						t.Fatal(err)
					}
					verifier := npm.verifier()
					claims, err := verifier.verify(t.Context(), first.issuer, first.issuer+"/admin/v1", answered.Token)
					if err != nil || claims.Confirmation == nil || claims.Confirmation.Thumbprint == "" {
						t.Errorf("the token is not bound: %+v %v", claims, err)
					}
				})
			}
		})
	}
}

// TestProofWaitsNoLonger: a proof that cannot be noted, because another process writes, is a 503 when the time for a
// request is over. The same client gets its token without a proof, for which nothing is written.
func TestProofWaitsNoLonger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	replica := startWith(t, identity{}, "LATCHKEY_DATABASE_URL=sqlite:"+path, "LATCHKEY_REQUEST_TIMEOUT=500ms")
	writer, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	writing, err := writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer writing.Rollback()

	proof := proofOf(bearertest.New(t).NewHolder(), http.MethodPost, replica.issuer+oauth.TokenPath, "", "")
	start := time.Now()
	if got := askBound(t, replica, proof); got.status != http.StatusServiceUnavailable {
		t.Errorf("a proof that cannot be noted: %+v", got)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the refusal took %s", took)
	}
	if got := askBound(t, replica); got.status != http.StatusOK {
		t.Errorf("without a proof: %+v", got)
	}
}
