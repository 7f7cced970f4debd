package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"log/slog"
	"time"
)

// A secret's text is the prefix, 43 characters of base62 (62^43 > 2^256) and 6 characters of base62 that hold
// the CRC-32 (IEEE) of everything before them, so that a scanner can tell a real one from a lookalike without
// asking us. Its one regular expression is lks_[0-9A-Za-z]{49}.
const (
	secretPrefix        = "lks_"
	secretRandomChars   = 43
	secretChecksumChars = 6
	base62              = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Secret is what is kept of a client's secret: a hash, a hint and its dates. Its text is a [Plaintext].
type Secret struct {
	ID   string
	Hash SecretHash
	// Hint is the last four characters of the text, enough to tell two secrets apart.
	Hint      string
	CreatedAt time.Time
	CreatedBy string
	// ExpiresAt is when the secret was meant, from the beginning, to stop; zero for never.
	ExpiresAt time.Time
	// StopsAt is when a rotation ends the secret; zero while no rotation replaces it.
	StopsAt time.Time
	// StoppedAt is when somebody ended the secret at once; zero if nobody did.
	StoppedAt time.Time
}

// SecretHash is the SHA-256 of a secret's text.
//
// A slow hash such as argon2id protects secrets that can be guessed. Ours hold 256 random bits: there is nothing
// to guess, and a slow hash would only let strangers burn our processor.
type SecretHash [sha256.Size]byte

// Plaintext is the text of a secret. It exists between the secret's creation and the one response that shows it.
// It prints as [redacted] however it is formatted or logged; only Reveal answers the text.
type Plaintext struct{ text string }

const redacted = "[redacted]"

// NewPlaintext wraps a text that came from outside, such as a secret presented by a client.
func NewPlaintext(text string) Plaintext { return Plaintext{text} }

// Reveal answers the text itself. Whoever calls it must not log or keep what it answers.
func (p Plaintext) Reveal() string { return p.text }

// String answers "[redacted]".
func (Plaintext) String() string { return redacted }

// GoString answers "[redacted]".
func (Plaintext) GoString() string { return redacted }

// LogValue answers "[redacted]".
func (Plaintext) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText answers "[redacted]", so that no encoder can show the text by accident.
func (Plaintext) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Hash answers what is kept of the text.
func (p Plaintext) Hash() SecretHash { return sha256.Sum256([]byte(p.text)) }

// Hint answers the last four characters of the text.
func (p Plaintext) Hint() string { return p.text[max(0, len(p.text)-4):] }

// NewSecret makes a secret of 256 random bits. The Plaintext must be shown once and then forgotten.
func NewSecret(now time.Time, createdBy string) (Secret, Plaintext) {
	body := secretPrefix + randomBase62(secretRandomChars)
	plaintext := NewPlaintext(body + checksum(body))
	return SecretFrom(plaintext, now, createdBy), plaintext
}

// SecretFrom makes a secret of a given text, which must be as hard to guess as one of NewSecret.
func SecretFrom(text Plaintext, now time.Time, createdBy string) Secret {
	return Secret{
		ID:        NewID("sec"),
		Hash:      text.Hash(),
		Hint:      text.Hint(),
		CreatedAt: now,
		CreatedBy: createdBy,
	}
}

// Usable reports whether the secret may authenticate its client at this time.
func (s *Secret) Usable(now time.Time) bool {
	return s.StoppedAt.IsZero() &&
		(s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)) &&
		(s.StopsAt.IsZero() || now.Before(s.StopsAt))
}

// Equal compares two hashes in constant time.
func (h SecretHash) Equal(other SecretHash) bool {
	return subtle.ConstantTimeCompare(h[:], other[:]) == 1
}

// NewID makes an identifier that nobody can guess: the prefix, an underscore and 119 random bits.
func NewID(prefix string) string { return prefix + "_" + randomBase62(20) }

// randomBase62 draws each character evenly from the 62, throwing away the bytes that would favour some of them.
func randomBase62(n int) string {
	const fair = 256 - 256%len(base62)
	text := make([]byte, 0, n)
	var random [64]byte
	for {
		rand.Read(random[:]) // crypto/rand.Read never fails: it ends the program instead.
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			text = append(text, base62[int(b)%len(base62)])
			if len(text) == n {
				return string(text)
			}
		}
	}
}

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var text [secretChecksumChars]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return string(text[:])
}
