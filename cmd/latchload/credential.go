package main

import (
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

// credential answers the id and the secret of the n-th credential.
func (k seedKey) credential(n int64) (id, secret string) {
	derive := func(purpose byte) []byte {
		mac := hmac.New(sha256.New, k)
		mac.Write(binary.BigEndian.AppendUint64([]byte{purpose}, uint64(n)))
		return mac.Sum(nil)
	}
	return "cid_load" + hex.EncodeToString(derive('i')[:10]), "load_" + base64.RawURLEncoding.EncodeToString(derive('s'))
}
