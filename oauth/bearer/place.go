package bearer

import (
	"slices"
	"strings"
)

// Place is where a request acts: at one level, so that one of Org, Account and Workspace is set.
type Place struct {
	Org       string
	Account   string
	Workspace string
	// WorkspaceAccount is the account that the Workspace lies in, if the caller knows it. A token that holds in all
	// workspaces of an account does not list them: more may be made while it lives.
	WorkspaceAccount string
}

// AllowsIn reports whether the token grants the permission, and whether it does so in this place. A permission holds
// at the level its API prescribes: one for an account is not one for a workspace of it.
func (c *Claims) AllowsIn(permission string, place Place) bool {
	return c.Allows(permission) && slices.ContainsFunc(c.details(permission), func(detail *AuthorizationDetail) bool {
		return detail.contains(c.OrgID, place)
	})
}

// details answers the parts of the token that grant the permission.
func (c *Claims) details(permission string) []*AuthorizationDetail {
	api, action, _ := strings.Cut(permission, ":")
	var details []*AuthorizationDetail
	for i := range c.AuthorizationDetails {
		detail := &c.AuthorizationDetails[i]
		if detail.Type == api && slices.Contains(detail.Actions, action) {
			details = append(details, detail)
		}
	}
	return details
}

// contains reports whether the place lies within these, for a client of the org.
func (p *Places) contains(org string, place Place) bool {
	switch {
	case p.Installation:
		return place != Place{}
	case place.Org != "":
		return p.Org && place.Org == org
	case place.Account != "":
		return slices.Contains(p.Accounts, place.Account)
	case place.Workspace != "":
		return slices.Contains(p.Workspaces, place.Workspace) ||
			place.WorkspaceAccount != "" && slices.Contains(p.AllWorkspacesOf, place.WorkspaceAccount)
	}
	return false
}
