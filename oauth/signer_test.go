package oauth

import (
	"context"
	"crypto"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

func signingKey(t testing.TB, algorithm jose.SignatureAlgorithm) *SigningKey {
	t.Helper()
	key, err := NewSigningKey(LocalKeys{RSABits: 2048}, algorithm, time.Now(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &key
}

// TestSigner: what a signer writes has go-jose's header to the last byte, and is accepted by go-jose and golang-jwt.
func TestSigner(t *testing.T) {
	const payload = `{"sub":"cid_1","exp":4102444800}`
	for _, algorithm := range SigningAlgorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			key := signingKey(t, algorithm)
			ours, err := newSigner(key, bearer.TokenType)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key.Private, KeyID: key.ID}},
				(&jose.SignerOptions{}).WithType(bearer.TokenType))
			if err != nil {
				t.Fatal(err)
			}
			signed, err := theirs.Sign([]byte(payload))
			if err != nil {
				t.Fatal(err)
			}
			want, err := signed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			unsigned := want[:strings.LastIndexByte(want, '.')+1]
			// The numbers of an ECDSA signature are sometimes shorter than their places.
			for range map[bool]int{true: 1000, false: 1}[algorithm == jose.ES256] {
				token, err := ours.sign([]byte(payload))
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(token, unsigned) || len(token) != len(want) {
					t.Fatalf("%s\nis not what go-jose writes:\n%s", token, want)
				}
				parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algorithm})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := parsed.Verify(key.Public); err != nil || string(got) != payload {
					t.Fatalf("go-jose: %s, %v", got, err)
				}
				_, err = jwt.Parse(token, func(*jwt.Token) (any, error) { return key.Public, nil }, jwt.WithValidMethods([]string{string(algorithm)}))
				if err != nil {
					t.Fatalf("golang-jwt: %v", err)
				}
			}
		})
	}
}

// brokenSigner stands for a security module that answers nonsense.
type brokenSigner struct {
	crypto.Signer
	answer []byte
	err    error
}

func (b brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return b.answer, b.err
}

func TestBrokenSignatures(t *testing.T) {
	integer := func(bytes int) string { return "\x02" + string(rune(bytes)) + strings.Repeat("\x01", bytes) }
	sequence := func(inner string) string { return "\x30" + string(rune(len(inner))) + inner }
	for name, test := range map[string]struct {
		answer string
		valid  bool
	}{
		"whole":       {sequence(integer(32) + integer(31)), true},
		"empty":       {"", false},
		"too long":    {sequence(integer(33) + integer(32)), false},
		"one number":  {sequence(integer(32)), false},
		"negative":    {sequence("\x02\x01\x80" + integer(32)), false},
		"more inside": {sequence(integer(32) + integer(32) + integer(1)), false},
		"more behind": {sequence(integer(32)+integer(32)) + "\x00", false},
		"no sequence": {integer(32) + integer(32), false},
	} {
		key := &SigningKey{ID: "kid", Algorithm: jose.ES256, Private: brokenSigner{answer: []byte(test.answer)}}
		signer, err := newSigner(key, bearer.TokenType)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := signer.sign([]byte("{}")); (err == nil) != test.valid {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	broken := errors.New("broken")
	signer, _ := newSigner(&SigningKey{Algorithm: jose.EdDSA, Private: brokenSigner{err: broken}}, bearer.TokenType)
	if _, err := signer.sign([]byte("{}")); !errors.Is(err, broken) {
		t.Errorf("the signer's own error is answered as %v", err)
	}
}

func BenchmarkSign(b *testing.B) {
	for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA} {
		b.Run(string(algorithm), func(b *testing.B) {
			signer, err := newSigner(signingKey(b, algorithm), bearer.TokenType)
			if err != nil {
				b.Fatal(err)
			}
			payload := make([]byte, 350)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signer.sign(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// store is a Store with one client.
type store struct {
	client  *Client
	catalog *Catalog
	keyring *Keyring
}

func (s store) Client(context.Context, string) (*Client, error) { return s.client, nil }
func (s store) Refresh(context.Context) error                   { return nil }
func (s store) Catalog() *Catalog                               { return s.catalog }
func (s store) Keyring() *Keyring                               { return s.keyring }

// newBench makes an issuer with a client that holds one grant, and the proof that the client gives. Its tokens are
// signed with Ed25519, of which Go's own allocations do not change from one version to the next.
func newBench(t testing.TB) (*Issuer, *Client, Proof) {
	t.Helper()
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	secret, text := NewSecret(now(), "test")
	client := &Client{
		ID: "cid_1", OrgID: "org_1", Status: StatusActive, AuthMethod: AuthSecret, Secrets: []Secret{secret},
		Grants: []Grant{{API: "profile", Permissions: []string{"read"}, AppliesTo: Places{Workspaces: []string{"ws_1"}}}},
	}
	key := signingKey(t, jose.EdDSA)
	key.ActiveFrom = now().Add(-time.Minute)
	ring, err := NewKeyring([]SigningKey{*key})
	if err != nil {
		t.Fatal(err)
	}
	api := API{
		Key: "profile", Audience: "https://api.example.com", Level: LevelWorkspace, Choice: ChoiceMany,
		Permissions: []Permission{{Key: "read"}}, TokenLifetime: time.Hour, Status: StatusActive,
	}
	issuer, err := NewIssuer(Config{
		URL: "https://latchkey.example", Store: store{client, NewCatalog([]API{api}, nil), ring},
		MaxLifetime: time.Hour, Algorithm: jose.EdDSA, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer, client, Proof{Method: AuthSecret, ClientID: client.ID, Secret: text}
}

// TestAllocations holds the work on one token to a budget. Times depend on the machine; allocations do not.
func TestAllocations(t *testing.T) {
	issuer, client, proof := newBench(t)
	for name, test := range map[string]struct {
		budget float64
		work   func() error
	}{
		"authenticate": {1, func() error {
			_, err := issuer.Authenticate(t.Context(), proof)
			return err
		}},
		"issue": {40, func() error {
			_, err := issuer.Issue(t.Context(), client, Request{})
			return err
		}},
	} {
		var err error
		got := testing.AllocsPerRun(100, func() { err = errors.Join(err, test.work()) })
		if err != nil || got > test.budget {
			t.Errorf("%s allocates %v times, budget %v (%v)", name, got, test.budget, err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	issuer, _, proof := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuer.Authenticate(b.Context(), proof); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	issuer, client, _ := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuer.Issue(b.Context(), client, Request{}); err != nil {
			b.Fatal(err)
		}
	}
}
