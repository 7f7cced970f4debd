package upstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/admin"
)

// RoleRule gives a role to those of whom a claim has a value, or holds it in a list.
type RoleRule struct {
	Claim, Value string
	admin.RoleAssignment
}

// ParseRoleRule reads a rule: CLAIM:VALUE=ROLE for the whole installation, or CLAIM:VALUE=ROLE@ORG. The colon of a
// claim's name that is a URL does not end it, and a value may hold colons and equals signs.
func ParseRoleRule(text string) (RoleRule, error) {
	start := 0
	if scheme := strings.Index(text, "://"); scheme >= 0 && !strings.Contains(text[:scheme], ":") {
		start = scheme + len("://")
	}
	colon, equals := strings.Index(text[start:], ":")+start, strings.LastIndex(text, "=")
	if colon <= start-1 || colon == 0 || equals <= colon+1 {
		return RoleRule{}, fmt.Errorf("%q is not CLAIM:VALUE=ROLE or CLAIM:VALUE=ROLE@ORG", text)
	}
	role, org, placed := strings.Cut(text[equals+1:], "@")
	rule := RoleRule{text[:colon], text[colon+1 : equals], admin.RoleAssignment{Role: admin.Role(role), OrgID: org}}
	roles := []admin.Role{admin.RoleAdmin, admin.RoleComplianceAdmin, admin.RoleViewer, admin.RoleCustomRoleAdmin}
	if !slices.Contains(roles, rule.Role) {
		return RoleRule{}, fmt.Errorf("%q: there is no role %q", text, role)
	}
	if placed && org == "" {
		return RoleRule{}, fmt.Errorf("%q: the org is missing", text)
	}
	return rule, nil
}

// rolesOf answers what the claims are worth, in the order of the rules.
func rolesOf(rules []RoleRule, claims map[string]any) []admin.RoleAssignment {
	var roles []admin.RoleAssignment
	for _, rule := range rules {
		switch value := claims[rule.Claim].(type) {
		case string:
			if value == rule.Value {
				roles = append(roles, rule.RoleAssignment)
			}
		case []any:
			if slices.Contains(value, any(rule.Value)) {
				roles = append(roles, rule.RoleAssignment)
			}
		}
	}
	return roles
}
