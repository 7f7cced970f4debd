package storage

import (
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
		at.KeyID = fmt.Sprint(*n)
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
	}
	for name, client := range map[string]oauth.Client{"few grants": few, "many grants": many, "empty": {}} {
		packed := pack(&client)
		want := storagetest.ForProtocol(&client)
		if kept := packed.rest != nil && packed.rest.grants != nil; kept != (name == "many grants") {
			t.Errorf("%s: the grants are kept as they are: %t", name, kept)
		}
		if got := packed.unpack(); !cmp.Equal(want, got, cmpopts.EquateComparable(netip.Prefix{})) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})))
		}
		if packed.id() != client.ID {
			t.Errorf("%s: the id is %q", name, packed.id())
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
