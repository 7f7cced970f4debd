package admin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// answerLife is how long an answer is kept: long enough for a caller that lost its connection, and not so long
	// that secrets lie about.
	answerLife = 10 * time.Minute
	// claimLife is how long a request may be worked on before another attempt may take it over, should the process
	// have died with it. No request takes so long: the server gives each less than a minute.
	claimLife = 2 * time.Minute
	// maxAnswers is how many answers are kept of one actor.
	maxAnswers = 10_000
)

// The refusals of a request that is repeated.
var (
	// ErrStillRunning: the request with this key is being worked on.
	ErrStillRunning = errors.New("the request with this key is still being worked on")
	// ErrKeyReused: the key has been used for another request.
	ErrKeyReused = errors.New("the key has been used for another request")
)

// Retries lets a request be repeated without being done twice: a caller that gives a request a key of its own is
// answered the same when it sends the request with that key again, for ten minutes.
//
// An answer may hold a secret. So it rests sealed under the key itself, which is not stored: with the database alone,
// and even with the master key, nobody can open it, as long as the key cannot be guessed.
type Retries struct {
	Store AnswerStore
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

// Attempt is a request that is worked on. It ends with Keep or GiveUp, or else by time.
type Attempt struct {
	retries Retries
	claim   KeptAnswer
	seal    cipher.AEAD
}

// Begin claims a request of the actor with this key. It answers an Attempt, or what the request was answered before,
// or ErrStillRunning or ErrKeyReused. The text of the request is all that makes it another one.
func (r Retries) Begin(ctx context.Context, actor Actor, key string, request []byte) (*Attempt, []byte, error) {
	attempt := &Attempt{retries: r}
	owner := string(actor.Kind) + ":" + actor.ID
	derived := make(map[string][]byte, 3)
	for _, purpose := range []string{"id", "seal", "fingerprint"} {
		var err error
		derived[purpose], err = hkdf.Key(sha256.New, []byte(key), []byte(owner), "latchkey: idempotency "+purpose, sha256.Size)
		if err != nil {
			return nil, nil, fmt.Errorf("deriving from an idempotency key: %w", err)
		}
	}
	block, err := aes.NewCipher(derived["seal"])
	if err == nil {
		attempt.seal, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("preparing the seal of an answer: %w", err)
	}
	fingerprint := hmac.New(sha256.New, derived["fingerprint"])
	fingerprint.Write(request)
	now := r.Now()
	attempt.claim = KeptAnswer{
		ID: derived["id"], Actor: owner, Fingerprint: fingerprint.Sum(nil),
		Attempt: oauth.NewID("try"), ExpiresAt: now.Add(claimLife),
	}
	stored, err := r.Store.ClaimAnswer(ctx, attempt.claim, now, maxAnswers)
	switch {
	case err != nil:
		return nil, nil, err
	case !hmac.Equal(stored.Fingerprint, attempt.claim.Fingerprint):
		return nil, nil, ErrKeyReused
	case stored.Attempt == attempt.claim.Attempt:
		return attempt, nil, nil
	case stored.Answer == nil:
		return nil, nil, ErrStillRunning
	}
	answer, err := attempt.seal.Open(nil, nil, stored.Answer, stored.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("opening a kept answer: %w", err)
	}
	return nil, answer, nil
}

// Keep keeps the answer, for whoever repeats the request.
func (a *Attempt) Keep(ctx context.Context, answer []byte) error {
	a.claim.Answer = a.seal.Seal(nil, nil, answer, a.claim.ID)
	a.claim.ExpiresAt = a.retries.Now().Add(answerLife)
	return a.retries.Store.KeepAnswer(ctx, a.claim)
}

// GiveUp lets the request be tried again at once.
func (a *Attempt) GiveUp(ctx context.Context) error { return a.retries.Store.DropAnswer(ctx, a.claim) }
