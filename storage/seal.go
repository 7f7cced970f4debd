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

	"github.com/latchkey-auth/latchkey/oauth"
)

// ErrMasterKey says that the master key is not the one that the database's signing keys are sealed under.
var ErrMasterKey = errors.New("the master key is not the one this database was sealed with")

const masterKeyBytes = 32

// sealer keeps private keys unreadable at rest: PKCS #8 under AES-256-GCM, whose key is derived from the master key
// for this purpose alone, bound to the kid, so that nobody can pass one key off for another.
type sealer struct {
	aead cipher.AEAD
	// id tells one master key from another, and nothing about it.
	id string
}

func newSealer(masterKey []byte) (*sealer, error) {
	if len(masterKey) != masterKeyBytes {
		return nil, fmt.Errorf("the master key must have %d bytes and has %d", masterKeyBytes, len(masterKey))
	}
	key, err := hkdf.Key(sha256.New, masterKey, nil, "latchkey: sealing of signing keys", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the sealing key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, masterKey, nil, "latchkey: id of the master key", 4)
	if err != nil {
		return nil, fmt.Errorf("deriving the master key's id: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("preparing the seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("preparing the seal: %w", err)
	}
	return &sealer{aead: aead, id: hex.EncodeToString(id)}, nil
}

func (s *sealer) seal(key oauth.SigningKey) ([]byte, error) {
	text, err := x509.MarshalPKCS8PrivateKey(key.Private)
	if err != nil {
		return nil, fmt.Errorf("sealing signing key %s: %w", key.ID, err)
	}
	return s.aead.Seal(nil, nil, text, purpose(key.ID)), nil
}

func (s *sealer) open(row *keyRow) (crypto.Signer, error) {
	if row.SealKeyID != s.id {
		return nil, fmt.Errorf("%w: the database names %s, and this one is %s", ErrMasterKey, row.SealKeyID, s.id)
	}
	text, err := s.aead.Open(nil, nil, row.Sealed, purpose(row.ID))
	if err != nil {
		return nil, errors.New("the sealed key has been changed")
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

// purpose is the additional data of a seal.
func purpose(kid string) []byte { return []byte("signing key " + kid) }
