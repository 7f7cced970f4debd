package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// decoys are public keys to which nobody has the private one, by the algorithms they are for.
type decoys map[jose.SignatureAlgorithm]any

func newDecoys() (decoys, error) {
	made := make(decoys)
	for algorithm, curve := range map[jose.SignatureAlgorithm]elliptic.Curve{
		jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521(),
	} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("making a decoy: %w", err)
		}
		made[algorithm] = &private.PublicKey
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a decoy: %w", err)
	}
	made[jose.EdDSA], made[bearer.Ed25519] = public, public
	// To find primes takes long, and verifying by any odd modulus takes the same time.
	modulus := make([]byte, minRSABits/8)
	rand.Read(modulus) // crypto/rand.Read never fails: it ends the program instead.
	modulus[0] |= 0x80
	modulus[len(modulus)-1] |= 1
	for _, algorithm := range clientKeyAlgorithms["RSA"] {
		made[algorithm] = &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: minRSAExponent}
	}
	return made, nil
}
