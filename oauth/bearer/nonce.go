package bearer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// SealedNonces are [Nonces] that no memory keeps: each is the time it was made and a seal of it. Whoever has the same
// key, on any replica, knows them.
type SealedNonces struct {
	key      []byte
	lifetime time.Duration
	now      func() time.Time
}

// NewSealedNonces makes nonces that are good for the lifetime. The key is secret, has at least 32 bytes, and is used
// for nothing else.
func NewSealedNonces(key []byte, lifetime time.Duration, now func() time.Time) (*SealedNonces, error) {
	if len(key) < sha256.Size || lifetime < time.Second {
		return nil, errors.New("nonces need a key of 32 bytes and a lifetime of a second at least")
	}
	return &SealedNonces{key, lifetime, now}, nil
}

// Next answers a nonce of this second.
func (n *SealedNonces) Next() string {
	made := binary.BigEndian.AppendUint64(nil, uint64(n.now().Unix()))
	return base64.RawURLEncoding.EncodeToString(n.seal(made))
}

// Valid reports whether the nonce bears our seal and is not older than the lifetime.
func (n *SealedNonces) Valid(nonce string) bool {
	raw, err := decode(nonce)
	if err != nil || len(raw) < 8 || !hmac.Equal(raw, n.seal(raw[:8:8])) {
		return false
	}
	age := n.now().Unix() - int64(binary.BigEndian.Uint64(raw))
	// A replica whose clock is a little ahead may have made it.
	return age <= int64(n.lifetime/time.Second) && age >= -int64(maxSkew/time.Second)
}

// seal answers the time followed by 16 bytes that only the holder of the key can make.
func (n *SealedNonces) seal(made []byte) []byte {
	mac := hmac.New(sha256.New, n.key)
	mac.Write(made)
	return append(made, mac.Sum(nil)[:16]...)
}
