package storage

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// ErrMasterKey says that the master key is not the one that the database's signing keys are sealed under.
var ErrMasterKey = errors.New("the master key is not the one this database was sealed with")

const masterKeyBytes = 32

// sealer keeps private keys unreadable at rest: PKCS #8 under AES-256-GCM, whose key is derived from the master key
// for this purpose alone, bound to the kid, so that nobody can pass one key off for another. Operators' second factors
// are sealed likewise, each bound to its operator.
type sealer struct {
	// ids name the master keys, and tell nothing about them. The first seals; all open.
	ids   []string
	aeads map[string]cipher.AEAD
}

// newSealer makes a sealer of the master key in force and those before it.
func newSealer(masterKeys ...[]byte) (*sealer, error) {
	s := &sealer{aeads: make(map[string]cipher.AEAD, len(masterKeys))}
	for _, masterKey := range masterKeys {
		id, aead, err := newSeal(masterKey)
		if err != nil {
			return nil, err
		}
		s.ids, s.aeads[id] = append(s.ids, id), aead
	}
	return s, nil
}

func newSeal(masterKey []byte) (string, cipher.AEAD, error) {
	if len(masterKey) != masterKeyBytes {
		return "", nil, fmt.Errorf("the master key must have %d bytes and has %d", masterKeyBytes, len(masterKey))
	}
	key, err := hkdf.Key(sha256.New, masterKey, nil, "latchkey: sealing of signing keys", 32)
	if err != nil {
		return "", nil, fmt.Errorf("deriving the sealing key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, masterKey, nil, "latchkey: id of the master key", 4)
	if err != nil {
		return "", nil, fmt.Errorf("deriving the master key's id: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", nil, fmt.Errorf("preparing the seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return "", nil, fmt.Errorf("preparing the seal: %w", err)
	}
	return hex.EncodeToString(id), aead, nil
}

// id names the master key that seals.
func (s *sealer) id() string { return s.ids[0] }

func (s *sealer) seal(key oauth.SigningKey) ([]byte, error) {
	text, err := x509.MarshalPKCS8PrivateKey(key.Private)
	if err != nil {
		return nil, fmt.Errorf("sealing signing key %s: %w", key.ID, err)
	}
	return s.sealText(text, "signing key "+key.ID), nil
}

// sealText seals under the master key in force, for a purpose that names what the text belongs to.
func (s *sealer) sealText(text []byte, purpose string) []byte {
	return s.aeads[s.id()].Seal(nil, nil, text, []byte(purpose))
}

// openText opens what sealText sealed for the same purpose, under the master key that is named.
func (s *sealer) openText(sealed []byte, keyID, purpose string) ([]byte, error) {
	aead, known := s.aeads[keyID]
	if !known {
		return nil, fmt.Errorf("%w: the database names %s, and this one is %s", ErrMasterKey, keyID, strings.Join(s.ids, " or "))
	}
	text, err := aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, errors.New("what is sealed has been changed")
	}
	return text, nil
}

func (s *sealer) open(row *keyRow) (crypto.Signer, error) {
	text, err := s.openText(row.Sealed, row.SealKeyID, "signing key "+row.ID)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(text)
	if err != nil {
		return nil, err
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T does not sign", key)
	}
	return private, nil
}
