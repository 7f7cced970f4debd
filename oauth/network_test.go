package oauth

import (
	"net/netip"
	"testing"
)

func TestNetworkOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":        "192.0.2.1/32",
		"::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8::1":      "2001:db8::/64",
		"2001:db8::2":      "2001:db8::/64",
		"2001:db8:0:1::1":  "2001:db8:0:1::/64",
		"fe80::1%eth0":     "fe80::/64",
		"":                 "invalid Prefix",
		"nonsense":         "invalid Prefix",
	} {
		parsed, _ := netip.ParseAddr(address)
		if got := NetworkOf(parsed).String(); got != want {
			t.Errorf("%q is of %s, want %s", address, got, want)
		}
	}
}
