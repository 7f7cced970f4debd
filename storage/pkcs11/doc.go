// Package pkcs11 keeps signing keys in a hardware security module that speaks PKCS #11: they are made there, sign
// there, and never leave. Its library needs cgo, so it is in programs built with the tag pkcs11 alone.
package pkcs11

// Config says which token to open.
type Config struct {
	// Library is the path of the module's shared library.
	Library string
	// Token is the label of the token, and PIN what its user logs in with.
	Token string
	PIN   string
	// RSABits is the size of RSA keys made there.
	RSABits int
}
