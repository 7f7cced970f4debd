package admin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// DeclaredTenant is what an administrator says a tenant shall be.
type DeclaredTenant struct {
	ID    string      `json:"id"`
	Level oauth.Level `json:"level"`
	Name  string      `json:"name"`
	// ParentID is the tenant one level up; empty for an org.
	ParentID string `json:"parent_id"`
	// OrgID may be left out: the parent tells.
	OrgID string `json:"org_id"`
	// Status may be left out: a new tenant is active, another stays what it is.
	Status oauth.Status `json:"status"`
}

// tenant answers the tenant that is declared, or all that is wrong with it. Before is what is there; nil for nothing.
// Level, parent and org never change: whoever holds a grant in every workspace of an account would silently get those
// that are moved there.
func (d DeclaredTenant) tenant(ctx context.Context, store Store, actor Actor, before *TenantRow) (oauth.Tenant, error) {
	var errs FieldErrors
	tenant := oauth.Tenant{ID: d.ID, Level: d.Level, Name: d.Name, ParentID: d.ParentID, Status: d.Status}
	checkTenantID(d.ID, &errs)
	checkName(d.Name, "/name", &errs)
	if d.Status == "" {
		tenant.Status = oauth.StatusActive
		if before != nil {
			tenant.Status = before.Status
		}
	} else {
		checkStatus(d.Status, &errs)
	}
	if before != nil {
		tenant.OrgID, tenant.Version = before.OrgID, before.Version
		d.checkUnmoved(before, &errs)
		return tenant, errs.orNil()
	}
	var err error
	if tenant.OrgID, err = d.homeOf(ctx, store, actor, &errs); err != nil {
		return oauth.Tenant{}, err
	}
	if d.OrgID != "" && tenant.OrgID != "" && d.OrgID != tenant.OrgID {
		errs.add("/org_id", "invalid", "the parent lies in the org %q", tenant.OrgID)
	}
	return tenant, errs.orNil()
}

// checkTenantID holds that an id needs no escaping in a path, a shell or a file of YAML.
func checkTenantID(id string, errs *FieldErrors) {
	const maxIDChars = 64
	odd := func(char rune) bool { return !isAlphanumeric(char) && char != '_' && char != '-' }
	if id == "" || len(id) > maxIDChars || strings.ContainsFunc(id, odd) || !isAlphanumeric(rune(id[0])) {
		errs.add("/id", "invalid", "an id has 1 to %d letters of ASCII, digits, _ and -, and begins with a letter or digit", maxIDChars)
	}
}

func isAlphanumeric(char rune) bool {
	return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9'
}

func (d DeclaredTenant) checkUnmoved(before *TenantRow, errs *FieldErrors) {
	if d.Level != before.Level {
		errs.add("/level", "immutable", "the level of a tenant never changes: it is %q", before.Level)
	}
	if d.ParentID != before.ParentID {
		errs.add("/parent_id", "immutable", "a tenant never moves: its parent is %q", before.ParentID)
	}
	if d.OrgID != "" && d.OrgID != before.OrgID {
		errs.add("/org_id", "immutable", "a tenant never moves: its org is %q", before.OrgID)
	}
}

// homeOf answers the org of a new tenant, which its parent tells.
func (d DeclaredTenant) homeOf(ctx context.Context, store Store, actor Actor, errs *FieldErrors) (string, error) {
	switch d.Level {
	case oauth.LevelOrg:
		if d.ParentID != "" {
			errs.add("/parent_id", "not_allowed", "an org has no parent")
		}
		return d.ID, nil
	case oauth.LevelAccount, oauth.LevelWorkspace:
	default:
		errs.add("/level", "unknown", "level must be %q, %q or %q", oauth.LevelOrg, oauth.LevelAccount, oauth.LevelWorkspace)
		return "", nil
	}
	if d.ParentID == "" {
		errs.add("/parent_id", "required", "name the %s that it lies in", d.Level.Parent())
		return "", nil
	}
	parent, err := store.Tenant(ctx, d.ParentID)
	switch {
	case errors.Is(err, oauth.ErrNotFound) || err == nil && !actor.Sees(parent.OrgID):
		errs.add("/parent_id", "unknown", "there is no %s %q", d.Level.Parent(), d.ParentID)
		return "", nil
	case err != nil:
		return "", err
	case parent.Level != d.Level.Parent():
		errs.add("/parent_id", "wrong_level", "%q is not at the level %q but %q", parent.ID, d.Level.Parent(), parent.Level)
	}
	return parent.OrgID, nil
}

func tenantFields(tenant oauth.Tenant) map[string]json.RawMessage {
	return marshalled(map[string]any{
		"level": tenant.Level, "name": tenant.Name, "parent_id": tenant.ParentID, "status": tenant.Status,
	})
}
