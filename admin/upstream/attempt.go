package upstream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"golang.org/x/oauth2"
)

// Lifetime is how long a sign-in at the provider may take.
const Lifetime = 10 * time.Minute

// attempt is what is known of a sign-in between its start and its end. The browser keeps it, sealed: nothing of it is
// in a database, and an answer in another browser has none.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Ends     time.Time `json:"e"`
}

func newAttempt(now time.Time) attempt {
	return attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Ends: now.Add(Lifetime)}
}

type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(begun attempt) string {
	plain, _ := json.Marshal(begun) // Texts and a time of our own cannot fail.
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, nil))
}

func (s sealer) open(sealed string) (begun attempt, ok bool) {
	bytes, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return attempt{}, false
	}
	plain, err := s.aead.Open(nil, nil, bytes, nil)
	if err != nil || json.Unmarshal(plain, &begun) != nil {
		return attempt{}, false
	}
	return begun, true
}
