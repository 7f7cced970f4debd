package bearertest

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// What tokens and configs say unless a test says otherwise.
const (
	Audience = "https://api.example"
	ClientID = "cid_test"
	OrgID    = "org_test"
)

// The paths of the issuer's documents.
const (
	metadataPath = "/.well-known/oauth-authorization-server"
	jwksPath     = "/.well-known/jwks.json"
	statusPath   = "/oauth/status/1"
)

// listTTL is for how long verifiers keep the lists.
const listTTL = 10 * time.Second

// Issuer is an authorization server without its token endpoint: tests make tokens with [Issuer.Token]. It is safe
// for concurrent use.
type Issuer struct {
	// URL is the issuer identifier.
	URL string

	server *httptest.Server

	mu       sync.Mutex
	now      time.Time
	version  int // Counts the changes; what the ETags are made of.
	away     bool
	keys     []jose.JSONWebKey // The last one signs.
	clients  []string          // Their places are their indexes in the status list.
	statuses map[string]byte
	denied   []string
}

// New starts an issuer that ends with the test. Its clock stands at noon of 1 January 2026, UTC.
func New(t testing.TB) *Issuer {
	t.Helper()
	issuer := Start()
	t.Cleanup(issuer.Close)
	return issuer
}

// Start starts an issuer outside a test, such as in an example. Like package httptest, it panics when it cannot.
func Start() *Issuer {
	issuer := &Issuer{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), statuses: make(map[string]byte)}
	issuer.server = httptest.NewServer(issuer)
	issuer.URL = issuer.server.URL
	issuer.Rotate()
	return issuer
}

// Close ends the issuer.
func (i *Issuer) Close() { i.server.Close() }

// Config answers what a verifier of this issuer's tokens for [Audience] needs, status and deny lists included. A
// test may change it before use.
func (i *Issuer) Config() bearer.Config {
	return bearer.Config{
		Issuer: i.URL, Audience: Audience, Status: &bearer.StatusConfig{}, Client: i.server.Client(), Now: i.Now,
	}
}

// Now answers the time of the issuer's clock.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Advance moves the clock.
func (i *Issuer) Advance(by time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(by)
}

// Rotate makes a new key that signs from now on. The keys before it stay published.
func (i *Issuer) Rotate() {
	private := newKey()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version++
	i.keys = append(i.keys, jose.JSONWebKey{
		Key: private, KeyID: fmt.Sprintf("key-%d", len(i.keys)+1), Algorithm: string(jose.ES256), Use: "sig",
	})
}

// SetAway makes the issuer answer every request 503, or serve again.
func (i *Issuer) SetAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

// SetStatus says in the status list what has become of a client, to all its tokens: [bearer.StatusSuspended],
// [bearer.StatusInvalid], or again [bearer.StatusValid]. A verifier sees it when it reads the list next, which it
// does after ten seconds of the issuer's clock.
func (i *Issuer) SetStatus(clientID string, status byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version++
	i.statuses[clientID] = status
}

// Revoke puts the token with this id, its jti, on the deny list.
func (i *Issuer) Revoke(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version++
	i.denied = append(i.denied, id)
}

// ServeHTTP serves the issuer's documents.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.away {
		http.Error(w, "the issuer is away", http.StatusServiceUnavailable)
		return
	}
	tag := fmt.Sprintf(`"%d-%d"`, i.version, i.now.Unix()/int64(listTTL/time.Second))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	switch r.URL.Path {
	case metadataPath:
		i.write(w, "application/json", map[string]any{"issuer": i.URL, "jwks_uri": i.URL + jwksPath})
	case jwksPath:
		set := jose.JSONWebKeySet{}
		for _, key := range i.keys {
			set.Keys = append(set.Keys, key.Public())
		}
		i.write(w, "application/jwk-set+json", set)
	case statusPath:
		i.writeList(w, bearer.StatusListType, map[string]any{"sub": i.URL + statusPath, "status_list": i.statusList()})
	case bearer.DenyListPath:
		i.writeList(w, bearer.DenyListType, map[string]any{"jtis": append([]string{}, i.denied...)})
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) write(w http.ResponseWriter, contentType string, value any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "max-age=300")
	_ = json.NewEncoder(w).Encode(value) // The client went away.
}

// writeList signs and writes one of the lists.
func (i *Issuer) writeList(w http.ResponseWriter, typ string, claims map[string]any) {
	claims["iss"], claims["iat"] = i.URL, i.now.Unix()
	claims["exp"], claims["ttl"] = i.now.Add(time.Hour).Unix(), int64(listTTL/time.Second)
	w.Header().Set("Content-Type", "application/"+typ)
	_, _ = w.Write([]byte(i.sign(typ, claims)))
}

// statusList packs the statuses of all clients, two bits each.
func (i *Issuer) statusList() map[string]any {
	const perByte = 4
	list := make([]byte, len(i.clients)/perByte+1)
	for index, client := range i.clients {
		list[index/perByte] |= i.statuses[client] << (index % perByte * 2)
	}
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	_, err := writer.Write(list)
	must(err)
	must(writer.Close())
	return map[string]any{"bits": 2, "lst": base64.RawURLEncoding.EncodeToString(packed.Bytes())}
}

// sign writes claims as a JWT in compact serialization, by the newest key.
func (i *Issuer) sign(typ string, claims any) string {
	return sign(i.keys[len(i.keys)-1], (&jose.SignerOptions{}).WithType(jose.ContentType(typ)), claims)
}

func sign(key jose.JSONWebKey, options *jose.SignerOptions, claims any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, options)
	must(err)
	payload, err := json.Marshal(claims)
	must(err)
	jws, err := signer.Sign(payload)
	must(err)
	token, err := jws.CompactSerialize()
	must(err)
	return token
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

// must is for what fails only if a test asks for what cannot be written as JSON.
func must(err error) {
	if err != nil {
		panic("bearertest: " + err.Error())
	}
}
