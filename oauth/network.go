package oauth

import "net/netip"

// NetworkOf answers whom an address belongs to: of IPv6, a whole network is one subscriber's (RFC 6177 §2). It is the
// zero Prefix for no address, so that all that have none are one.
func NetworkOf(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	network, _ := address.Prefix(bits) // It fails for no address alone.
	return network
}
