package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Person is somebody who has signed in at another provider, and what that provider says of them now.
type Person struct {
	Upstream
	Email string
	Name  string
	// Roles are those that the provider's words are worth here; all are held at the place of the first.
	Roles []RoleAssignment
}

// BeginAs signs in a person for whom another provider vouches, and answers the session's text, to be handed to that
// person alone. Of the actor it takes where the request came from. Who comes for the first time becomes an operator.
// Name, address and roles are what the provider says at each sign-in; whoever it gives no role here loses those they
// had, and is answered [ErrNoRole]. An operator that may not sign in here is answered [ErrSignIn], and a person with
// the address of another operator [ErrEmailTaken]: an address proves nothing.
func (s *Sessions) BeginAs(ctx context.Context, actor Actor, person Person) (oauth.Plaintext, error) {
	actor.Kind, actor.ID = ActorAnonymous, ""
	var (
		operator *Operator
		text     oauth.Plaintext
		refused  error
	)
	err := s.store.Transact(ctx, func(ctx context.Context, store Store) error {
		within := *s
		within.store = store
		var err error
		if operator, refused, err = within.admit(ctx, actor, person); err != nil || refused != nil {
			return err
		}
		text, err = within.create(ctx, actor, operator)
		return err
	})
	if err != nil {
		return oauth.Plaintext{}, emailTaken(err)
	}
	if refused == nil {
		return text, nil
	}
	target := person.Subject
	if operator != nil {
		target, actor.Org = operator.ID, operator.OrgID
	}
	if err := s.refusals.Note(ctx, actor, "session.create", target, refused); err != nil {
		return oauth.Plaintext{}, err
	}
	return oauth.Plaintext{}, refused
}

// admit makes the person's operator what the provider says, and answers it, or why it is refused. What it then has
// lost stays lost.
func (s *Sessions) admit(ctx context.Context, actor Actor, person Person) (known *Operator, refused, err error) {
	wanted, refused, err := s.describe(ctx, person)
	if err != nil {
		return nil, nil, err
	}
	known, err = s.store.OperatorByUpstream(ctx, person.Upstream)
	now := s.now()
	switch {
	case errors.Is(err, oauth.ErrNotFound) && refused != nil:
		return nil, refused, nil
	case errors.Is(err, oauth.ErrNotFound):
		wanted.ID, wanted.Status, wanted.Version = oauth.NewID("opr"), oauth.StatusActive, 1
		wanted.CreatedAt, wanted.CreatedBy, wanted.UpdatedAt, wanted.UpdatedBy = now, wanted.ID, now, wanted.ID
		actor.Kind, actor.ID = ActorOperator, wanted.ID
		event := newEvent(actor, now, "operator.created", wanted.ID, wanted.OrgID, operatorChanges(&Operator{}, wanted))
		if err := s.store.CreateOperator(ctx, wanted, event); err != nil {
			return nil, nil, err
		}
	case err != nil:
		return nil, nil, err
	case known.Status != oauth.StatusActive:
		return known, ErrSignIn, nil
	default:
		wanted.ID = known.ID
		actor.Kind, actor.ID = ActorOperator, known.ID
		err := s.store.UpdateOperator(ctx, known.ID, func(operator *Operator) (*Event, error) {
			before := *operator
			operator.Roles = wanted.Roles
			if refused == nil {
				operator.Email, operator.Name, operator.OrgID = wanted.Email, wanted.Name, wanted.OrgID
			}
			changes := operatorChanges(&before, operator)
			if len(changes) == 0 {
				return nil, nil
			}
			return touchOperator(actor, operator, now, "operator.changed", changes), nil
		})
		if err != nil || refused != nil {
			return known, refused, err
		}
	}
	if known, err = s.store.Operator(ctx, wanted.ID); err == nil && !known.mayAct() {
		refused = ErrSignIn
	}
	return known, refused, err
}

// describe answers the operator that a person would be, or why there can be none. Then it has no role.
func (s *Sessions) describe(ctx context.Context, person Person) (_ *Operator, refused, err error) {
	operator := &Operator{Email: foldEmail(person.Email), Name: person.Name, Upstream: person.Upstream, OrgStatus: oauth.StatusActive}
	var errs FieldErrors
	if checkText(operator.Name, "/name", maxNameChars, false, &errs); errs != nil || strings.TrimSpace(operator.Name) != operator.Name || operator.Name == "" {
		operator.Name = operator.Email // It is for reading, and nobody here can mend it.
	}
	errs = nil
	if checkText(operator.Email, "/email", maxEmailBytes, false, &errs); errs != nil || !isEmail(operator.Email) {
		return operator, ErrSignIn, nil
	}
	var roles []Role
	for _, assignment := range person.Roles {
		if assignment.OrgID == person.Roles[0].OrgID && !slices.Contains(roles, assignment.Role) {
			roles = append(roles, assignment.Role)
		}
	}
	if len(roles) == 0 || len(roles) == 1 && roles[0] == RoleCustomRoleAdmin { // Which is an addition to another.
		return operator, ErrNoRole, nil
	}
	if id := person.Roles[0].OrgID; id != "" {
		org, err := s.store.Tenant(ctx, id)
		if errors.Is(err, oauth.ErrNotFound) || err == nil && org.Level != oauth.LevelOrg {
			return operator, ErrNoRole, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	operator.OrgID, operator.Roles = person.Roles[0].OrgID, roles
	return operator, nil, nil
}
