package admin

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Operator is a person who signs in.
type Operator struct {
	ID string
	// Email is what the operator signs in with, in lower case. No two operators have the same.
	Email string
	Name  string
	// OrgID is the org in which the roles are held; empty for the whole installation.
	OrgID string
	Roles []Role
	// Status: only an active operator may sign in, and only while its org is active too.
	Status    oauth.Status
	OrgStatus oauth.Status
	// PasswordHash is empty until the operator has set a password.
	PasswordHash string
	// SecondFactor is what the operator shows beside the password; nil for none.
	SecondFactor *SecondFactor
	// TokenHash is of the token that sets the password, once and until TokenExpiresAt; both are zero if there is none.
	TokenHash      oauth.SecretHash
	TokenExpiresAt time.Time
	CreatedAt      time.Time
	CreatedBy      string
	UpdatedAt      time.Time
	UpdatedBy      string
	LastSignInAt   time.Time // Zero for never.
	Version        int64
	// Upstream is who the operator is at the provider where it signs in; zero if it signs in here.
	Upstream Upstream
}

// Upstream is a person at another provider: its issuer, and the subject that it knows the person by.
type Upstream struct{ Issuer, Subject string }

// mayAct reports whether the operator may sign in, and its sessions still hold.
func (o *Operator) mayAct() bool {
	return o.Status == oauth.StatusActive && o.OrgStatus == oauth.StatusActive
}

// actor is the operator as an Actor.
func (o *Operator) actor() Actor {
	return Actor{Kind: ActorOperator, ID: o.ID, Org: o.OrgID, Roles: o.Roles, Permissions: permissionsOf(o.Roles, o.OrgID)}
}

// The token that sets a password.
const (
	passwordTokenLife   = 24 * time.Hour
	passwordTokenPrefix = "lkp_"
)

// Operators registers, changes, disables and removes operators. Each act needs operators:write. An operator outside
// the actor's org does not exist for it, and nobody changes one who holds more than the actor could give: whoever
// resets a password could sign in with it.
type Operators struct {
	Store     Store
	Cursors   CursorKey
	Passwords *Passwords
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

// List answers a page of the operators the actor sees.
func (o Operators) List(ctx context.Context, actor Actor, search string, page PageRequest) (Page[Operator], error) {
	if err := actor.require(OperatorsWrite); err != nil {
		return Page[Operator]{}, err
	}
	query := OperatorQuery{Org: actor.Org, Search: search}
	return paginate(o.Cursors, query, page,
		func(after *OperatorPosition, limit int) ([]Operator, error) {
			query.After, query.Limit = after, limit
			return o.Store.Operators(ctx, query)
		},
		func(operator *Operator) OperatorPosition { return OperatorPosition{operator.Name, operator.ID} })
}

// Operator answers one operator.
func (o Operators) Operator(ctx context.Context, actor Actor, id string) (*Operator, error) {
	if err := actor.require(OperatorsWrite); err != nil && actor.Org == "" {
		return nil, err // For whom nothing lies outside.
	}
	operator, err := o.Store.Operator(ctx, id)
	if err != nil {
		return nil, err
	}
	return operator, actor.requireWithin(operator.OrgID, OperatorsWrite, "operator", id)
}

// Register makes an operator, and the token by which it sets its password: to be shown once.
func (o Operators) Register(ctx context.Context, actor Actor, said OperatorChange) (*Operator, oauth.Plaintext, error) {
	if err := actor.require(OperatorsWrite); err != nil {
		return nil, oauth.Plaintext{}, err
	}
	now := o.Now()
	operator := &Operator{
		ID: oauth.NewID("opr"), Status: oauth.StatusActive, OrgStatus: oauth.StatusActive,
		CreatedAt: now, CreatedBy: actor.ID, UpdatedAt: now, UpdatedBy: actor.ID, Version: 1,
	}
	said.Email, said.Name = cmp.Or(said.Email, new("")), cmp.Or(said.Name, new(""))
	said.Roles = cmp.Or(said.Roles, &[]RoleAssignment{})
	if err := o.fill(ctx, actor, operator, said); err != nil {
		return nil, oauth.Plaintext{}, err
	}
	token := operator.newToken(now)
	event := newEvent(actor, now, "operator.created", operator.ID, operator.OrgID, operatorChanges(&Operator{}, operator))
	if err := o.Store.CreateOperator(ctx, operator, event); err != nil {
		return nil, oauth.Plaintext{}, emailTaken(err)
	}
	return operator, token, nil
}

// Change changes what the change names, if the precondition holds; otherwise it answers a [*StaleError].
func (o Operators) Change(ctx context.Context, actor Actor, id string, only Precondition, change OperatorChange) (*Operator, error) {
	before, err := o.Operator(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	if err := only.check(before.Version); err != nil {
		return nil, err
	}
	if err := actor.mayManageOperator(before); err != nil {
		return nil, err
	}
	after := *before
	if err := o.fill(ctx, actor, &after, change); err != nil {
		return nil, err
	}
	// The change was judged outside the transaction, against the version read then.
	return o.update(ctx, actor, id, Precondition{before.Version}, "operator.changed", func(operator *Operator) {
		operator.Email, operator.Name, operator.OrgID, operator.Roles = after.Email, after.Name, after.OrgID, after.Roles
	})
}

// Activate lets an inactive operator sign in again. It changes nothing if the operator is active.
func (o Operators) Activate(ctx context.Context, actor Actor, id string) (*Operator, error) {
	return o.update(ctx, actor, id, nil, "operator.activated", func(operator *Operator) { operator.Status = oauth.StatusActive })
}

// Deactivate ends all sessions of an operator, who can sign in no more. It changes nothing if the operator is inactive.
func (o Operators) Deactivate(ctx context.Context, actor Actor, id string) (*Operator, error) {
	return o.update(ctx, actor, id, nil, "operator.deactivated", func(operator *Operator) { operator.Status = oauth.StatusInactive })
}

// Remove deletes an operator for good; its events stay.
func (o Operators) Remove(ctx context.Context, actor Actor, id string, only Precondition) error {
	_, err := o.update(ctx, actor, id, only, "operator.deleted", func(operator *Operator) { operator.Status = oauth.StatusDeleted })
	return err
}

// ResetPassword takes the operator's password and second factor away, ends its sessions, and answers the token by which
// it sets another: to be shown once. One who signs in at another provider has none, and gets none.
func (o Operators) ResetPassword(ctx context.Context, actor Actor, id string) (*Operator, oauth.Plaintext, error) {
	var token oauth.Plaintext
	operator, err := o.Operator(ctx, actor, id)
	if err != nil {
		return nil, token, err
	}
	if operator.Upstream != (Upstream{}) { // It never changes.
		return nil, token, &ForbiddenError{Permission: ManagementAPI + ":" + OperatorsWrite,
			Reason: "the operator signs in at another provider, and has no password here"}
	}
	operator, err = o.update(ctx, actor, id, nil, "operator.password_reset", func(operator *Operator) {
		operator.PasswordHash, operator.SecondFactor = "", nil
		token = operator.newToken(o.Now())
	})
	return operator, token, err
}

// Invite lets somebody in who has the machine, and not only the console: it answers the token by which the operator of
// this address sets another password. If there is no such operator it makes one, who may do and
// give everything: an admin of the whole installation, with the addition.
func (o Operators) Invite(ctx context.Context, actor Actor, email string) (*Invitation, error) {
	operator, err := o.Store.OperatorByEmail(ctx, foldEmail(email))
	var token oauth.Plaintext
	switch {
	case errors.Is(err, oauth.ErrNotFound):
		operator, token, err = o.Register(ctx, actor, OperatorChange{
			Email: &email, Name: &email, Roles: &[]RoleAssignment{{Role: RoleAdmin}, {Role: RoleCustomRoleAdmin}},
		})
	case err == nil:
		operator, token, err = o.ResetPassword(ctx, actor, operator.ID)
	}
	if err != nil {
		return nil, err
	}
	return &Invitation{operator.Email, token}, nil
}

// SetPassword sets the password of whoever the token was made for, and ends the token and all sessions. A token that
// is unknown, used or expired is answered alike.
func (o Operators) SetPassword(ctx context.Context, actor Actor, token oauth.Plaintext, password string) error {
	var errs FieldErrors
	checkPassword(password, &errs)
	operator, err := o.Store.OperatorByToken(ctx, token.Hash())
	if err != nil && !errors.Is(err, oauth.ErrNotFound) {
		return err
	}
	spent := func(operator *Operator) bool {
		return operator.TokenHash != token.Hash() || !o.Now().Before(operator.TokenExpiresAt) || !operator.mayAct()
	}
	const code, detail = "invalid", "the token is unknown, was used, or has expired: ask for another"
	if err != nil || spent(operator) {
		errs.add("/token", code, detail)
	}
	if err := errs.orNil(); err != nil {
		return err
	}
	hash, err := o.Passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	actor.Kind, actor.ID = ActorOperator, operator.ID
	return o.Store.UpdateOperator(ctx, operator.ID, func(operator *Operator) (*Event, error) {
		if spent(operator) {
			errs.add("/token", code, detail)
			return nil, errs
		}
		operator.PasswordHash, operator.TokenHash, operator.TokenExpiresAt = hash, oauth.SecretHash{}, time.Time{}
		return touchOperator(actor, operator, o.Now(), "operator.password_set", nil), nil
	})
}

// update lets work change one operator that the actor may manage. If it changes nothing, there is no event.
func (o Operators) update(
	ctx context.Context, actor Actor, id string, only Precondition, action string, work func(*Operator),
) (*Operator, error) {
	if !actor.May(OperatorsWrite) {
		return o.Operator(ctx, actor, id)
	}
	var changed *Operator
	err := o.Store.UpdateOperator(ctx, id, func(operator *Operator) (*Event, error) {
		if !actor.Sees(operator.OrgID) {
			return nil, notFound("operator", id)
		}
		if err := only.check(operator.Version); err != nil {
			return nil, err
		}
		if err := actor.mayManageOperator(operator); err != nil {
			return nil, err
		}
		before := *operator
		work(operator)
		changed = operator
		differing := operatorChanges(&before, operator)
		if len(differing) == 0 && before.TokenHash == operator.TokenHash {
			return nil, nil
		}
		return touchOperator(actor, operator, o.Now(), action, differing), nil
	})
	return changed, emailTaken(err)
}

// mayManageOperator answers a ForbiddenError if the operator holds more than the actor could give.
func (a Actor) mayManageOperator(operator *Operator) error {
	for _, role := range operator.Roles {
		if !a.mayAssign(role, operator.OrgID) {
			return &ForbiddenError{Permission: ManagementAPI + ":" + OperatorsWrite,
				Reason: "the operator holds the role " + string(role) + ", which you could not give"}
		}
	}
	return nil
}

func (o *Operator) newToken(now time.Time) oauth.Plaintext {
	token := oauth.NewPlaintext(passwordTokenPrefix + rand.Text())
	o.TokenHash, o.TokenExpiresAt = token.Hash(), now.Add(passwordTokenLife)
	return token
}

func touchOperator(actor Actor, operator *Operator, now time.Time, action string, changes map[string]Change) *Event {
	operator.UpdatedAt, operator.UpdatedBy = now, actor.ID
	operator.Version++
	event := newEvent(actor, now, action, operator.ID, operator.OrgID, changes)
	return &event
}
