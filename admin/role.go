package admin

import (
	"slices"
)

// Role is what an operator may do. All roles of an operator are held at one place: in one org, or in the whole
// installation.
type Role string

// The roles. RoleCustomRoleAdmin is an addition to another role.
const (
	// RoleAdmin may do everything there.
	RoleAdmin Role = "admin"
	// RoleComplianceAdmin may do with credentials and the audit trail what an admin may, and no more than read the
	// catalogue to choose from it.
	RoleComplianceAdmin Role = "compliance_admin"
	// RoleViewer may look, and change nothing.
	RoleViewer Role = "viewer"
	// RoleCustomRoleAdmin may hand out the APIs that name it in GrantableBy.
	RoleCustomRoleAdmin Role = "custom_role_admin"
)

// rolePermissions are the permissions of the management API that come with each role. Those of the keys belong to the
// installation: a role that is held in an org does not give them.
var rolePermissions = map[Role][]string{
	RoleAdmin:           ManagementPermissions(),
	RoleComplianceAdmin: {CredentialsRead, CredentialsWrite, CatalogRead, AuditRead},
	RoleViewer:          {CredentialsRead, CatalogRead, KeysRead, AuditRead},
	RoleCustomRoleAdmin: {},
}

// permissionsOf answers what these roles allow in the org; an empty org is the whole installation.
func permissionsOf(roles []Role, orgID string) []string {
	var held []string
	for _, permission := range ManagementPermissions() {
		if ofInstallation(permission) && orgID != "" {
			continue
		}
		if slices.ContainsFunc(roles, func(role Role) bool { return slices.Contains(rolePermissions[role], permission) }) {
			held = append(held, permission)
		}
	}
	return held
}

// ofInstallation reports whether the permission is about what all orgs share, and so allows nothing in one of them.
func ofInstallation(permission string) bool { return permission == KeysRead || permission == KeysWrite }

// mayAssign reports whether the actor may give somebody this role in the org; an empty org is the whole
// installation. Nobody gives what they do not hold, and an addition is given by those who have it, or by a program
// that manages operators.
func (a Actor) mayAssign(role Role, orgID string) bool {
	if !a.May(OperatorsWrite) || !a.Sees(orgID) {
		return false
	}
	if role == RoleCustomRoleAdmin {
		return a.Kind != ActorOperator || slices.Contains(a.Roles, role)
	}
	return !slices.ContainsFunc(permissionsOf([]Role{role}, orgID), func(permission string) bool { return !a.May(permission) })
}
