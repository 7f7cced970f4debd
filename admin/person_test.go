package admin_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// person is somebody of the other provider with these roles; an empty org is the installation.
func person(name, orgID string, roles ...admin.Role) admin.Person {
	person := admin.Person{
		Upstream: admin.Upstream{Issuer: "https://people.example", Subject: "sub-" + name}, Email: name + "@people.example", Name: name,
	}
	for _, role := range roles {
		person.Roles = append(person.Roles, admin.RoleAssignment{Role: role, OrgID: orgID})
	}
	return person
}

// TestRolesFollowTheProvider holds that at each sign-in an operator becomes what the provider says, and no more.
func TestRolesFollowTheProvider(t *testing.T) {
	s := newStaff(t)
	begin := func(person admin.Person) (admin.Actor, oauth.Plaintext) {
		t.Helper()
		session, err := s.sessions.BeginAs(t.Context(), admin.Actor{Address: "192.0.2.1"}, person)
		if err != nil {
			t.Fatal(err)
		}
		actor, err := s.sessions.Actor(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		return actor, session
	}
	first, session := begin(person("ada", "org_example", admin.RoleViewer))
	if first.Org != "org_example" || !slices.Equal(first.Roles, []admin.Role{admin.RoleViewer}) {
		t.Errorf("a viewer of an org is %+v", first)
	}
	changed := person("ada", "", admin.RoleAdmin, admin.RoleCustomRoleAdmin, admin.RoleAdmin)
	changed.Email, changed.Name = "Ada.L@People.example", "Ada L"
	second, _ := begin(changed)
	if second.ID != first.ID || second.Org != "" || !slices.Equal(second.Roles, []admin.Role{admin.RoleAdmin, admin.RoleCustomRoleAdmin}) {
		t.Errorf("who became an admin of the installation is %+v", second)
	}
	operator, err := s.operators.Operator(t.Context(), s.boss, first.ID)
	if err != nil || operator.Email != "ada.l@people.example" || operator.Name != "Ada L" || operator.LastSignInAt.IsZero() {
		t.Errorf("the operator is %+v (%v)", operator, err)
	}

	// Who is given nothing any more loses what they had, in the sessions that are open too.
	_, err = s.sessions.BeginAs(t.Context(), admin.Actor{}, person("ada", ""))
	if !errors.Is(err, admin.ErrNoRole) {
		t.Errorf("without a role: %v", err)
	}
	if actor, err := s.sessions.Actor(t.Context(), session); err != nil || len(actor.Permissions) != 0 {
		t.Errorf("without a role one may %v (%v)", actor.Permissions, err)
	}

	begin(person("ada", "org_example", admin.RoleViewer))
	if _, err := s.operators.Deactivate(t.Context(), s.boss, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sessions.BeginAs(t.Context(), admin.Actor{}, person("ada", "", admin.RoleAdmin)); !errors.Is(err, admin.ErrSignIn) {
		t.Errorf("deactivated: %v", err)
	}
	if operator, err := s.operators.Operator(t.Context(), s.boss, first.ID); err != nil || operator.OrgID != "org_example" {
		t.Errorf("a refused sign-in changed the operator: %+v (%v)", operator, err)
	}
}

// TestWhoIsNotLetIn holds that neither an address nor an org that there is not opens a door, and no password does.
func TestWhoIsNotLetIn(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "grace", "", admin.RoleAdmin)
	thief := person("thief", "org_example", admin.RoleViewer)
	thief.Email = "Grace@example.com"
	nobody := person("nobody", "org_example", admin.RoleViewer)
	nobody.Email = "no address"
	for name, test := range map[string]struct {
		person admin.Person
		want   error
	}{
		"another's address":   {thief, admin.ErrEmailTaken},
		"no address":          {nobody, admin.ErrSignIn},
		"an unknown org":      {person("lost", "org_of_nobody", admin.RoleViewer), admin.ErrNoRole},
		"no role":             {person("idle", ""), admin.ErrNoRole},
		"an addition to none": {person("extra", "", admin.RoleCustomRoleAdmin), admin.ErrNoRole},
	} {
		if _, err := s.sessions.BeginAs(t.Context(), admin.Actor{Address: "192.0.2.1"}, test.person); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.db.OperatorByUpstream(t.Context(), test.person.Upstream); !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("%s became an operator (%v)", name, err)
		}
	}

	if _, err := s.sessions.BeginAs(t.Context(), admin.Actor{}, person("ada", "", admin.RoleViewer)); err != nil {
		t.Fatal(err)
	}
	ada, err := s.db.OperatorByEmail(t.Context(), "ada@people.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.operators.ResetPassword(t.Context(), s.boss, ada.ID); err == nil {
		t.Error("who signs in at another provider gets a password")
	}
	if _, err := s.sessions.Begin(t.Context(), admin.Actor{}, ada.Email, "", ""); !errors.Is(err, admin.ErrSignIn) {
		t.Errorf("the empty password: %v", err)
	}
}
