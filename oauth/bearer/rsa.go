package bearer

import (
	"crypto/rsa"
	"math/big"
)

// The smallest (RFC 7518 §3.3) and the largest RSA modulus that is accepted, in bits.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// rocaPrimes are small primes modulo which 65537 generates few of the residues.
var rocaPrimes = []uint64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// strong refuses RSA keys that are too small, so large that a signature costs us much, or made by the chips whose
// keys can be factored (CVE-2017-15361, "ROCA"). Keys of other kinds are strong.
func strong(key any) bool {
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA {
		return true
	}
	bits := public.N.BitLen()
	return bits >= minRSABits && bits <= maxRSABits && !roca(public.N)
}

// roca reports whether the modulus is a power of 65537 modulo each of the primes, as those chips make them. Of other
// keys one in 200 million is.
func roca(modulus *big.Int) bool {
	for _, prime := range rocaPrimes {
		rest := new(big.Int).Mod(modulus, new(big.Int).SetUint64(prime)).Uint64()
		power := uint64(1)
		for power != rest {
			if power = power * 65537 % prime; power == 1 {
				return false
			}
		}
	}
	return true
}
