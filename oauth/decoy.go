package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// decoys are public keys to which nobody has the private one, by the algorithms they are for. Each is made when it is
// first needed: the tables of P-521 alone take 10 ms and 1 MB.
type decoys map[jose.SignatureAlgorithm]func() any

func newDecoys() decoys {
	made := make(decoys)
	for algorithm, curve := range map[jose.SignatureAlgorithm]elliptic.Curve{
		jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521(),
	} {
		made[algorithm] = sync.OnceValue(func() any {
			private, _ := ecdsa.GenerateKey(curve, rand.Reader) // Fails for a curve or a reader of one's own alone.
			return &private.PublicKey
		})
	}
	edwards := sync.OnceValue(func() any {
		public, _, _ := ed25519.GenerateKey(nil) // Fails for a reader of one's own alone.
		return public
	})
	made[jose.EdDSA], made[bearer.Ed25519] = edwards, edwards
	modulus := sync.OnceValue(func() any {
		// To find primes takes long, and verifying by any odd modulus takes the same time.
		modulus := make([]byte, minRSABits/8)
		rand.Read(modulus) // crypto/rand.Read never fails: it ends the program instead.
		modulus[0] |= 0x80
		modulus[len(modulus)-1] |= 1
		return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: minRSAExponent}
	})
	for _, algorithm := range clientKeyAlgorithms["RSA"] {
		made[algorithm] = modulus
	}
	return made
}
