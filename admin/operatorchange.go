package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/mail"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// OperatorChange is what is said about an operator. A nil field is not said, and stays as it is.
type OperatorChange struct {
	Email *string
	Name  *string
	// Roles replaces all roles.
	Roles *[]RoleAssignment
}

// RoleAssignment is a role and the org in which it is held; an empty org is the whole installation.
type RoleAssignment struct {
	Role  Role
	OrgID string
}

// fill writes what is said onto the operator. All that is wrong is answered at once, as FieldErrors.
func (o Operators) fill(ctx context.Context, actor Actor, operator *Operator, change OperatorChange) error {
	var errs FieldErrors
	if change.Email != nil {
		operator.Email = foldEmail(*change.Email)
		if !isEmail(operator.Email) {
			errs.add("/email", "invalid", "this is not an e-mail address of at most %d characters", maxEmailBytes)
		}
		checkText(operator.Email, "/email", maxEmailBytes, false, &errs)
	}
	if change.Name != nil {
		operator.Name = *change.Name
		checkText(operator.Name, "/name", maxNameChars, false, &errs)
		if strings.TrimSpace(operator.Name) != operator.Name || operator.Name == "" {
			errs.add("/name", "invalid", "the name must not be empty nor begin or end with space")
		}
	}
	if change.Roles != nil {
		if err := o.fillRoles(ctx, actor, operator, *change.Roles, &errs); err != nil {
			return err
		}
	}
	return errs.orNil()
}

func (o Operators) fillRoles(ctx context.Context, actor Actor, operator *Operator, said []RoleAssignment, errs *FieldErrors) error {
	if len(said) == 0 || len(said) > len(rolePermissions) {
		errs.add("/roles", "invalid", "name one to %d roles", len(rolePermissions))
		return nil
	}
	operator.OrgID, operator.Roles = said[0].OrgID, nil
	if operator.OrgID != "" {
		org, err := o.Store.Tenant(ctx, operator.OrgID)
		switch {
		case errors.Is(err, oauth.ErrNotFound), err == nil && (org.Level != oauth.LevelOrg || !actor.Sees(org.ID)):
			errs.add("/roles/0/org_id", "unknown", "there is no org %q", operator.OrgID)
			return nil
		case err != nil:
			return err
		}
		operator.OrgStatus = org.Status
	}
	for i, assignment := range said {
		at := pointer("/roles", i)
		_, known := rolePermissions[assignment.Role]
		switch {
		case !known:
			errs.add(at+"/role", "unknown", "there is no role %q", assignment.Role)
		case slices.Contains(operator.Roles, assignment.Role):
			errs.add(at+"/role", "repeated", "the role %q is named twice", assignment.Role)
		case assignment.OrgID != operator.OrgID:
			errs.add(at+"/org_id", "contradictory", "all roles of an operator are held in the same org, or in the whole installation")
		case !actor.mayAssign(assignment.Role, assignment.OrgID):
			errs.add(at+"/role", notGrantable, "you may not give the role %q there", assignment.Role)
		}
		operator.Roles = append(operator.Roles, assignment.Role)
	}
	if len(said) == 1 && said[0].Role == RoleCustomRoleAdmin {
		errs.add("/roles", "required", "%q is an addition to another role", RoleCustomRoleAdmin)
	}
	return nil
}

const maxEmailBytes = 254 // RFC 5321 §4.5.3.1.3, without the angle brackets.

// foldEmail makes spellings of an address equal that a person takes to be the same.
func foldEmail(email string) string { return strings.ToLower(email) }

func isEmail(text string) bool {
	if len(text) > maxEmailBytes {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text
}

func emailTaken(err error) error {
	if errors.Is(err, oauth.ErrConflict) {
		return ErrEmailTaken
	}
	return err
}

// operatorChanges answers which fields differ, in the words of the wire.
func operatorChanges(before, after *Operator) map[string]Change {
	fields := func(operator *Operator) map[string]json.RawMessage {
		return marshalled(map[string]any{
			"email": operator.Email, "name": operator.Name, "org_id": operator.OrgID, "roles": operator.Roles, "status": operator.Status,
		})
	}
	return differing(fields(before), fields(after))
}
