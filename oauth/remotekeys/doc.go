// Package remotekeys fetches the public keys that clients publish at a jwks_uri (RFC 7591 §2). The address is the
// client's word, and so nothing that it leads to is trusted: not to be public, small, quick or what it says.
package remotekeys
