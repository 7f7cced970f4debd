package admin

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/latchkey-auth/latchkey/oauth"
)

// The length of a password. Nothing else is asked of it (NIST SP 800-63B §3.1.1.2).
const (
	minPasswordChars = 12
	maxPasswordChars = 256
)

func checkPassword(password string, errs *FieldErrors) {
	if n := utf8.RuneCountInString(password); n < minPasswordChars || n > maxPasswordChars {
		errs.add("/password", "invalid", "a password has %d to %d characters", minPasswordChars, maxPasswordChars)
	}
}

const (
	// hashesAtOnce bounds the memory that passwords take: one takes 19 MiB.
	hashesAtOnce = 4
	// hashPatience is how long a password waits for its turn.
	hashPatience = 5 * time.Second
	// nobodysHash takes as long to compare as any, and nobody knows a password that has it.
	nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// hashParameters are what OWASP's password storage cheat sheet advises.
var hashParameters = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Passwords hashes passwords by argon2id (RFC 9106), a few at a time. It is safe for concurrent use.
type Passwords struct{ turns chan struct{} }

// NewPasswords makes a Passwords.
func NewPasswords() *Passwords { return &Passwords{make(chan struct{}, hashesAtOnce)} }

// hash answers what is kept of a password.
func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	var hash string
	err := p.inTurn(ctx, func() (err error) {
		hash, err = argon2id.CreateHash(password, &hashParameters)
		return err
	})
	return hash, err
}

// matches reports whether the hash is the password's. It does the same work if there is no hash, or the text is too
// long to be anybody's password.
func (p *Passwords) matches(ctx context.Context, password, hash string) (bool, error) {
	const maxBytes = maxPasswordChars * utf8.UTFMax
	known := hash != "" && len(password) <= maxBytes
	if !known {
		password, hash = password[:min(len(password), maxBytes)], nobodysHash
	}
	var match bool
	err := p.inTurn(ctx, func() (err error) {
		match, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	return match && known, err
}

// inTurn does the work when fewer than hashesAtOnce others are at it. It wraps oauth.ErrUnavailable if that takes too
// long.
func (p *Passwords) inTurn(ctx context.Context, work func() error) error {
	ctx, cancel := context.WithTimeout(ctx, hashPatience)
	defer cancel()
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
		return work()
	case <-ctx.Done():
		return fmt.Errorf("hashing a password: %w: too many others are hashed", oauth.ErrUnavailable)
	}
}
