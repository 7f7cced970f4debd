package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"fmt"
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
			// The numbers of an ECDSA signature are sometimes shorter than their places.
			for i := range map[bool]int{true: 1000, false: 1}[algorithm == jose.ES256] {
				payload := fmt.Sprintf(`{"jti":"%d","exp":4102444800}`, i)
				signed, err := theirs.Sign([]byte(payload))
				if err != nil {
					t.Fatal(err)
				}
				want, err := signed.CompactSerialize()
				if err != nil {
					t.Fatal(err)
				}
				token, err := ours.sign([]byte(payload))
				if err != nil {
					t.Fatal(err)
				}
				if unsigned := want[:strings.LastIndexByte(want, '.')+1]; !strings.HasPrefix(token, unsigned) || len(token) != len(want) {
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

// TestDeterministicSignature holds ES256 to RFC 6979 appendix A.2.5.
func TestDeterministicSignature(t *testing.T) {
	private, err := hex.DecodeString("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), private)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := newSigner(&SigningKey{Algorithm: jose.ES256, Private: key}, bearer.TokenType)
	if err != nil {
		t.Fatal(err)
	}
	const want = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
		"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
	if got, err := signer.signature([]byte("sample")); err != nil || hex.EncodeToString(got) != want {
		t.Errorf("%x, %v", got, err)
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

// TestAllocations holds the work on one token to a budget. Times depend on the machine; allocations do not, but for
// the 55 or so of Go's own signature. Under the race detector pools forget, which costs some ten more.
func TestAllocations(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text}
	for name, test := range map[string]struct {
		budget float64
		work   func() error
	}{
		"authenticate": {2, func() error {
			_, err := issuer.Authenticate(t.Context(), proof)
			return err
		}},
		"issue": {95, func() error {
			_, err := issuer.Issue(t.Context(), Caller{Client: client}, Request{})
			return err
		}},
	} {
		var err error
		got := testing.AllocsPerRun(100, func() { err = errors.Join(err, test.work()) })
		if err != nil || got > test.budget {
			t.Errorf("%s allocates %v times, budget %v (%v)", name, got, test.budget, err)
		} else {
			t.Logf("%s allocates %v times", name, got)
		}
	}
}

// TestAllocationsOfManyGrants: what a token allocates does not grow with what its client holds, beyond larger texts.
func TestAllocationsOfManyGrants(t *testing.T) {
	measure := func(grants, permissions int) float64 {
		client := activeClient()
		var apis []API
		client.Grants = nil
		for i := range grants {
			api := API{Key: fmt.Sprint("api-", i), Audience: "https://api.example", Status: StatusActive, TokenLifetime: time.Hour}
			grant := Grant{API: api.Key, AppliesTo: Places{Org: true}}
			for j := range permissions {
				api.Permissions = append(api.Permissions, Permission{Key: fmt.Sprint("permission-", j)})
				grant.Permissions = append(grant.Permissions, api.Permissions[j].Key)
			}
			apis, client.Grants = append(apis, api), append(client.Grants, grant)
		}
		issuer, _ := testIssuer(t, client)
		issuer.store.(*fixedStore).catalog = NewCatalog(apis, nil)
		return testing.AllocsPerRun(100, func() {
			token, err := issuer.Issue(t.Context(), Caller{Client: client}, Request{})
			if err != nil || len(token.Scope) != grants*permissions {
				t.Fatal(len(token.Scope), err)
			}
		})
	}
	one := measure(1, 1)
	for _, many := range [][2]int{{1, 30}, {30, 1}, {30, 10}} {
		if got := measure(many[0], many[1]); got > one+10 {
			t.Errorf("%d grants of %d permissions: %v allocations; one of one: %v", many[0], many[1], got, one)
		} else {
			t.Logf("%d grants of %d permissions: %v allocations; one of one: %v", many[0], many[1], got, one)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	client := activeClient()
	issuer, text := testIssuer(b, client)
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuer.Authenticate(b.Context(), proof); err != nil {
			b.Fatal(err)
		}
	}
}
