package storage

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

// fill puts something else into every field, and two of it into every list.
func fill(t *testing.T, value reflect.Value, n *int64) {
	t.Helper()
	*n++
	switch at := value.Addr().Interface().(type) {
	case *time.Time:
		*at = time.UnixMicro(*n).UTC()
		return
	case *jose.JSONWebKey:
		*at = jose.JSONWebKey{
			Key: ed25519.PublicKey(fmt.Appendf(nil, "%032d", *n)), KeyID: fmt.Sprint("id ", *n), Algorithm: fmt.Sprint("algorithm ", *n),
			Use: "sig", Certificates: []*x509.Certificate{{Raw: fmt.Append(nil, *n)}},
		}
		return
	case *netip.Prefix:
		*at = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(*n)}), 32)
		return
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(fmt.Sprint("text ", *n))
	case reflect.Int64:
		value.SetInt(-*n << 40)
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Uint8:
		value.SetUint(uint64(*n))
	case reflect.Array:
		for i := range value.Len() {
			fill(t, value.Index(i), n)
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 2, 2))
		for i := range value.Len() {
			fill(t, value.Index(i), n)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			fill(t, value.Field(i), n)
		}
	default:
		t.Fatalf("there is a %s in a client", value.Type())
	}
}

// TestPack: a client that has been remembered is what it was, in every field that the protocol may read.
func TestPack(t *testing.T) {
	var full oauth.Client
	n := int64(0)
	fill(t, reflect.ValueOf(&full).Elem(), &n)
	few, many := full, full
	few.Grants = full.Grants[:1]
	for range packedTexts {
		many.Grants = append(many.Grants, full.Grants...)
		many.Keys = append(many.Keys, full.Keys...)
	}
	for name, client := range map[string]oauth.Client{"few": few, "many": many, "empty": {}} {
		packed := pack(&client)
		want := storagetest.ForProtocol(&client)
		for list, kept := range map[string]bool{
			"grants": packed.rest != nil && packed.rest.grants != nil, "keys": packed.rest != nil && packed.rest.keys != nil,
		} {
			if kept != (name == "many") {
				t.Errorf("%s: the %s are kept as they are: %t", name, list, kept)
			}
		}
		if diff := cmp.Diff(want, packed.unpack(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if packed.id() != client.ID {
			t.Errorf("%s: the id is %q", name, packed.id())
		}
	}
}

// TestPackedKeys: a key of any kind that a client may register is still that key.
func TestPackedKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed25519Key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := []crypto.PublicKey{rsaKey.Public(), ed25519Key}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.Public())
	}
	for _, key := range keys {
		packed := pack(&oauth.Client{Keys: []jose.JSONWebKey{{Key: key}}})
		if got := packed.unpack().Keys[0].Key; !key.(interface{ Equal(crypto.PublicKey) bool }).Equal(got) {
			t.Errorf("%T became %v", key, got)
		}
	}
}

func BenchmarkUnpack(b *testing.B) {
	packed := pack(&oauth.Client{
		ID: "cid_01j9x0c2e4f6g8h0j2k4m6n8p0", OrgID: "01920000-0000-7000-8000-000000000000", Name: "reports", Status: oauth.StatusActive,
		AuthMethod: oauth.AuthSecret,
		Secrets:    []oauth.Secret{{ID: "01920000-0000-7000-8000-000000000001", Hint: "9xQ4", CreatedAt: time.Now().UTC(), CreatedBy: "somebody"}},
		Grants:     []oauth.Grant{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Org: true}}},
		CreatedAt:  time.Now().UTC(), UpdatedAt: time.Now().UTC(),
	})
	b.ReportAllocs()
	for b.Loop() {
		packed.unpack()
	}
}
