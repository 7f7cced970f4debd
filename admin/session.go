package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Session is an operator's time between sign-in and sign-out. Whoever has its text is the operator; only the hash of
// the text is kept.
type Session struct {
	Hash       oauth.SecretHash
	OperatorID string
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// usePrecision is how exactly LastUsedAt is kept, so that not every request writes.
const usePrecision = time.Minute

// Sessions signs operators in and out.
type Sessions struct {
	store     Store
	passwords *Passwords
	backoff   *backoff
	refusals  *Refusals
	lifetime  time.Duration
	idle      time.Duration
	now       func() time.Time
}

// SessionsConfig is what a Sessions is made of. Every field is required.
type SessionsConfig struct {
	Store     Store
	Passwords *Passwords
	Refusals  *Refusals
	// Lifetime is the longest a session may last, Idle the longest it may be unused, up to a minute more or less.
	Lifetime time.Duration
	Idle     time.Duration
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

// NewSessions makes a Sessions.
func NewSessions(config SessionsConfig) *Sessions {
	return &Sessions{
		store: config.Store, passwords: config.Passwords, backoff: newBackoff(config.Now), refusals: config.Refusals,
		lifetime: config.Lifetime, idle: config.Idle, now: config.Now,
	}
}

// Lifetime answers the longest a session may last.
func (s *Sessions) Lifetime() time.Duration { return s.lifetime }

// Begin signs an operator in, and answers the session's text, to be handed to the operator alone. Of the actor it
// takes where the request came from. It answers [ErrSignIn] after the same work for whatever reason, and a
// [*BackoffError] after too many failures for this e-mail address from there. Who has a second factor needs its code too:
// only whoever knows the password is told so, by [ErrCodeMissing], and may then guess at codes a few times, from wherever.
func (s *Sessions) Begin(ctx context.Context, actor Actor, email, password, code string) (oauth.Plaintext, error) {
	actor.Kind, actor.ID = ActorAnonymous, ""
	email = foldEmail(email)
	if wait := s.backoff.begin(email, actor.Address); wait > 0 {
		return oauth.Plaintext{}, &BackoffError{wait}
	}
	operator, err := s.store.OperatorByEmail(ctx, email)
	if err != nil && !errors.Is(err, oauth.ErrNotFound) {
		return oauth.Plaintext{}, err
	}
	if err != nil {
		operator = &Operator{}
	}
	hash := operator.PasswordHash
	if !operator.mayAct() || operator.Upstream != (Upstream{}) {
		hash = ""
	}
	match, err := s.passwords.matches(ctx, password, hash)
	if err != nil {
		return oauth.Plaintext{}, err
	}
	err = ErrSignIn
	if match {
		var text oauth.Plaintext
		if err = s.checkCode(ctx, actor, operator, code); err == nil {
			text, err = s.create(ctx, actor, operator)
		}
		switch {
		case errors.Is(err, oauth.ErrNotFound): // It was changed in this very moment.
			err = ErrSignIn
		case errors.Is(err, ErrCodeMissing), errors.As(err, new(*BackoffError)):
			return oauth.Plaintext{}, err
		case !errors.Is(err, ErrCodeWrong):
			s.backoff.succeed(email, actor.Address)
			return text, err
		}
	}
	actor.Org = operator.OrgID
	if untold := s.refusals.Note(ctx, actor, "session.create", operator.ID, err); untold != nil {
		return oauth.Plaintext{}, untold
	}
	return oauth.Plaintext{}, err
}

// checkCode accepts a code of the operator's second factor, if it has one. Each code is accepted once, by one replica.
func (s *Sessions) checkCode(ctx context.Context, actor Actor, operator *Operator, code string) error {
	switch {
	case operator.SecondFactor == nil:
		return nil
	case code == "":
		return ErrCodeMissing
	}
	if wait := s.backoff.begin(operator.ID, ""); wait > 0 {
		return &BackoffError{wait}
	}
	actor.Kind, actor.ID = ActorOperator, operator.ID
	err := s.store.UpdateOperator(ctx, operator.ID, func(operator *Operator) (*Event, error) {
		if operator.SecondFactor == nil {
			return nil, nil
		}
		now := s.now()
		recovery, ok := operator.SecondFactor.accept(code, now)
		if !ok {
			return nil, ErrCodeWrong
		}
		action := "operator.code_accepted"
		if recovery {
			action = "operator.recovery_code_used"
		}
		event := newEvent(actor, now, action, operator.ID, operator.OrgID, nil)
		return &event, nil
	})
	if err == nil {
		s.backoff.succeed(operator.ID, "")
	}
	return err
}

func (s *Sessions) create(ctx context.Context, actor Actor, operator *Operator) (oauth.Plaintext, error) {
	now := s.now()
	text := oauth.NewPlaintext(rand.Text() + rand.Text())
	session := Session{Hash: text.Hash(), OperatorID: operator.ID, CreatedAt: now, LastUsedAt: now}
	actor.Kind, actor.ID = ActorOperator, operator.ID
	event := newEvent(actor, now, "operator.signed_in", operator.ID, operator.OrgID, nil)
	return text, s.store.CreateSession(ctx, session, operator.PasswordHash, event)
}

// Actor answers whom a session belongs to, with the roles of this moment, and wraps [ErrNoSession] if it has ended.
func (s *Sessions) Actor(ctx context.Context, text oauth.Plaintext) (Actor, error) {
	session, operator, err := s.store.Session(ctx, text.Hash())
	if errors.Is(err, oauth.ErrNotFound) {
		return Actor{}, ErrNoSession
	}
	if err != nil {
		return Actor{}, err
	}
	now := s.now()
	if !operator.mayAct() || now.Sub(session.CreatedAt) >= s.lifetime || now.Sub(session.LastUsedAt) >= s.idle {
		return Actor{}, ErrNoSession
	}
	if now.Sub(session.LastUsedAt) >= min(usePrecision, s.idle/2) {
		if err := s.store.UseSession(ctx, session.Hash, now); err != nil {
			return Actor{}, err
		}
	}
	return operator.actor(), nil
}

// End signs the operator out, and changes nothing if the session has ended. Of the actor it takes where the request
// came from.
func (s *Sessions) End(ctx context.Context, actor Actor, text oauth.Plaintext) error {
	session, operator, err := s.store.Session(ctx, text.Hash())
	if err == nil {
		actor.Kind, actor.ID = ActorOperator, operator.ID
		event := newEvent(actor, s.now(), "operator.signed_out", operator.ID, operator.OrgID, nil)
		err = s.store.DeleteSession(ctx, session.Hash, event)
	}
	if errors.Is(err, oauth.ErrNotFound) {
		return nil
	}
	return err
}
