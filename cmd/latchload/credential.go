package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// seedKey is what all credentials of a load test are derived from: whoever seeds a database and whoever then asks for
// tokens need share nothing else. It is random, and so the secrets are as hard to guess as any.
type seedKey []byte

const seedKeyBytes = 32

func newSeedKey() seedKey {
	key := make(seedKey, seedKeyBytes)
	rand.Read(key) // crypto/rand.Read never fails: it ends the program instead.
	return key
}

// readSeedKey reads the key of a file; with make it makes the file if there is none, readable by its owner alone.
func readSeedKey(path string, make bool) (seedKey, error) {
	key, err := os.ReadFile(path)
	if make && errors.Is(err, fs.ErrNotExist) {
		key = newSeedKey()
		err = os.WriteFile(path, key, 0o600)
	}
	if err == nil && len(key) != seedKeyBytes {
		err = fmt.Errorf("%s holds no key of latchload seed", path)
	}
	return key, err
}

// keyed is the number of the first credential that has a key in the place of a secret (RFC 7523).
const keyed = 1 << 32

// id answers the client_id of the n-th credential.
func (k seedKey) id(n int64) string { return "cid_load" + hex.EncodeToString(k.derive('i', n)[:10]) }

// secret answers the secret of the n-th credential.
func (k seedKey) secret(n int64) string {
	return "load_" + base64.RawURLEncoding.EncodeToString(k.derive('s', n))
}

// privateKey answers the key of the n-th credential: for its assertions, or for its DPoP proofs.
func (k seedKey) privateKey(n int64) *ecdsa.PrivateKey {
	number := k.derive('k', n)
	number[0] &= 0x7f // So it is less than the order of the curve.
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), number)
	if err != nil {
		panic(err) // It fails for 0, which is not to be had.
	}
	return key
}

func (k seedKey) derive(purpose byte, n int64) []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write(binary.BigEndian.AppendUint64([]byte{purpose}, uint64(n)))
	return mac.Sum(nil)
}
