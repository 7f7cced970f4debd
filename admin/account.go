package admin

import (
	"context"
	"encoding/base32"

	"github.com/latchkey-auth/latchkey/oauth"
)

// What operators do about themselves. Each needs a session: a program has no account.

// Account answers the operator whom a session made the actor.
func (s *Sessions) Account(ctx context.Context, actor Actor) (*Operator, error) {
	if actor.Kind != ActorOperator {
		return nil, &ForbiddenError{Reason: "this needs the session of an operator: a program has no account"}
	}
	return s.store.Operator(ctx, actor.ID)
}

// ChangePassword sets another password, and ends all sessions of the operator.
func (s *Sessions) ChangePassword(ctx context.Context, actor Actor, current, password string) error {
	var errs FieldErrors
	checkPassword(password, &errs)
	if err := errs.orNil(); err != nil {
		return err
	}
	operator, err := s.confirm(ctx, actor, current, "/current_password")
	if err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.update(ctx, actor, operator, "operator.password_set", func(operator *Operator) error {
		operator.PasswordHash = hash
		return nil
	})
}

// OfferSecondFactor makes a key for the operator's authenticator app. Nothing of it is kept until it is enrolled.
func (s *Sessions) OfferSecondFactor(ctx context.Context, actor Actor, issuer string) (*Offer, error) {
	operator, err := s.Account(ctx, actor)
	if err != nil {
		return nil, err
	}
	return newOffer(issuer, operator.Email)
}

// Enrolment is what an operator sends to have a second factor: the key that it was offered, a code that shows that its
// app has the key, and the password, for a session alone could be somebody else's.
type Enrolment struct{ Key, Code, Password string }

// EnrolSecondFactor lets the operator sign in with a second factor alone, and answers the recovery codes: to be shown
// once. Who has one removes it first.
func (s *Sessions) EnrolSecondFactor(ctx context.Context, actor Actor, said Enrolment) ([]oauth.Plaintext, error) {
	operator, err := s.confirm(ctx, actor, said.Password, "/password")
	if err != nil {
		return nil, err
	}
	var errs FieldErrors
	if key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(said.Key); err != nil || len(key) != totpKeyBytes {
		errs.add("/key", "invalid", "this is not a key that was offered")
		return nil, errs
	}
	factor, codes := newSecondFactor(said.Key)
	if recovery, ok := factor.accept(said.Code, s.now()); !ok || recovery {
		errs.add("/code", "invalid", "the code is wrong: does the clock of the device go right?")
		return nil, errs
	}
	err = s.update(ctx, actor, operator, "operator.second_factor_enrolled", func(operator *Operator) error {
		if operator.SecondFactor != nil {
			errs.add("/key", "not_allowed", "there is a second factor already: remove it first")
			return errs
		}
		operator.SecondFactor = factor
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveSecondFactor takes the second factor away from the operator, who proves both password and code.
func (s *Sessions) RemoveSecondFactor(ctx context.Context, actor Actor, password, code string) error {
	operator, err := s.confirm(ctx, actor, password, "/password")
	if err != nil {
		return err
	}
	if wait := s.backoff.begin(operator.ID, ""); wait > 0 {
		return &BackoffError{wait}
	}
	err = s.update(ctx, actor, operator, "operator.second_factor_removed", func(operator *Operator) error {
		if operator.SecondFactor == nil {
			return nil
		}
		if _, ok := operator.SecondFactor.accept(code, s.now()); !ok {
			return FieldErrors{{Pointer: "/code", Code: "invalid", Detail: wrongCode}}
		}
		operator.SecondFactor = nil
		return nil
	})
	if err == nil {
		s.backoff.succeed(operator.ID, "")
	}
	return err
}

// EndAll signs the operator out everywhere.
func (s *Sessions) EndAll(ctx context.Context, actor Actor) error {
	operator, err := s.Account(ctx, actor)
	if err != nil {
		return err
	}
	event := newEvent(actor, s.now(), "operator.signed_out_everywhere", operator.ID, operator.OrgID, nil)
	return s.store.DeleteSessions(ctx, operator.ID, event)
}

// confirm answers the actor's operator if the password is right; guesses are slowed down as those of a stranger are.
func (s *Sessions) confirm(ctx context.Context, actor Actor, password, pointer string) (*Operator, error) {
	operator, err := s.Account(ctx, actor)
	if err != nil {
		return nil, err
	}
	if wait := s.backoff.begin(operator.Email, actor.Address); wait > 0 {
		return nil, &BackoffError{wait}
	}
	match, err := s.passwords.matches(ctx, password, operator.PasswordHash)
	if err != nil {
		return nil, err
	}
	if !match {
		return nil, FieldErrors{{Pointer: pointer, Code: "invalid", Detail: "the password is wrong"}}
	}
	s.backoff.succeed(operator.Email, actor.Address)
	return operator, nil
}

// update changes the operator, unless its password is no longer the one that was confirmed.
func (s *Sessions) update(ctx context.Context, actor Actor, confirmed *Operator, action string, work func(*Operator) error) error {
	return s.store.UpdateOperator(ctx, confirmed.ID, func(operator *Operator) (*Event, error) {
		if operator.PasswordHash != confirmed.PasswordHash {
			return nil, ErrSignIn
		}
		if err := work(operator); err != nil {
			return nil, err
		}
		return touchOperator(actor, operator, s.now(), action, nil), nil
	})
}

const wrongCode = "the code is wrong, or was used already: wait for the next one"
