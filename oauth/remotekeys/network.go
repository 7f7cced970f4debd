package remotekeys

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
)

// special are the networks that are not for everybody to reach, or lead to such (RFC 6890 and its registries), beyond
// those that [netip.Addr] knows itself.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // Shared by customers of one carrier (RFC 6598).
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), // Teredo and other protocols.
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4, which holds an IPv4 address.
	netip.MustParsePrefix("3fff::/20"),
}

// public reports whether everybody can reach the address.
func public(address netip.Addr) bool {
	return address.IsGlobalUnicast() && !address.IsPrivate() && (address.Is4() || isGlobal6(address)) &&
		!slices.ContainsFunc(special, func(network netip.Prefix) bool { return network.Contains(address) })
}

// isGlobal6 reports whether the address is in 2000::/3: no more of IPv6 is given out for everybody to reach (RFC 4291
// §2.4 and the registry of IANA).
func isGlobal6(address netip.Addr) bool { return address.As16()[0]>>5 == 1 }

// guard answers what refuses a connection to an address that is neither public nor in one of the networks. It is asked
// for the very address that is connected to, after its name was resolved, so that no name can lead past it.
func guard(allowed []netip.Prefix) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		parsed, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%q is no address", address)
		}
		to := parsed.Addr().Unmap().WithZone("")
		if public(to) || slices.ContainsFunc(allowed, func(network netip.Prefix) bool { return network.Contains(to) }) {
			return nil
		}
		return fmt.Errorf("the address %s is not public", to)
	}
}

// newClient makes a client that is bounded in everything.
func newClient(config Config) *http.Client {
	dialer := &net.Dialer{Timeout: fetchTimeout, Control: guard(config.Allow)}
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			Proxy:                  nil, // A proxy would connect for us, to addresses that nobody asks about.
			DialContext:            dialer.DialContext,
			TLSClientConfig:        config.TLS,
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableKeepAlives:      true, // Sets are fetched too seldom for it.
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are refused") },
	}
}
