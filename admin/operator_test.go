package admin_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// clock is a time that a test moves on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// staff is a house with people in it.
type staff struct {
	*house
	clock     *clock
	operators admin.Operators
	sessions  *admin.Sessions
	refusals  *admin.Refusals
}

func newStaff(t *testing.T) *staff {
	t.Helper()
	h, c, passwords := newHouse(t), newClock(), admin.NewPasswords()
	refusals := admin.NewRefusals(h.db, c.now)
	return &staff{
		house: h, clock: c, refusals: refusals,
		operators: admin.Operators{Store: h.db, Cursors: admin.CursorKey("for tests alone"), Passwords: passwords, Now: c.now},
		sessions: admin.NewSessions(admin.SessionsConfig{
			Store: h.db, Passwords: passwords, Refusals: refusals, Lifetime: 12 * time.Hour, Idle: 30 * time.Minute, Now: c.now,
		}),
	}
}

// org makes another org.
func (s *staff) org(t *testing.T, id string) {
	t.Helper()
	tenant := oauth.Tenant{ID: id, Level: oauth.LevelOrg, Name: id, OrgID: id, Status: oauth.StatusActive}
	if err := s.db.PutTenant(t.Context(), tenant, admin.Event{ID: oauth.NewID("evt"), At: now(), Action: "tenant.put", Target: id, OrgID: id}); err != nil {
		t.Fatal(err)
	}
}

const goodPassword = "correct horse battery"

// hire makes an operator with a password; an empty org is the installation.
func (s *staff) hire(t *testing.T, name, orgID string, roles ...admin.Role) *admin.Operator {
	t.Helper()
	operator, token, err := s.operators.Register(t.Context(), s.boss, as(name, orgID, roles...))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.operators.SetPassword(t.Context(), admin.Actor{}, token, goodPassword); err != nil {
		t.Fatal(err)
	}
	return operator
}

func as(name, orgID string, roles ...admin.Role) admin.OperatorChange {
	var assigned []admin.RoleAssignment
	for _, role := range roles {
		assigned = append(assigned, admin.RoleAssignment{Role: role, OrgID: orgID})
	}
	return admin.OperatorChange{Email: said(name + "@example.com"), Name: said(name), Roles: &assigned}
}

// come signs an operator in, and answers what it may do.
func (s *staff) come(t *testing.T, name string) (admin.Actor, oauth.Plaintext) {
	t.Helper()
	session, err := s.sessions.Begin(t.Context(), admin.Actor{Address: "192.0.2.1"}, name+"@example.com", goodPassword, "")
	if err != nil {
		t.Fatal(err)
	}
	actor, err := s.sessions.Actor(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	return actor, session
}

func codes(err error) []string {
	var fields admin.FieldErrors
	errors.As(err, &fields)
	var list []string
	for _, field := range fields {
		list = append(list, field.Pointer+" "+field.Code)
	}
	return list
}

func TestWhatRolesAllow(t *testing.T) {
	s := newStaff(t)
	for name, test := range map[string]struct {
		org   string
		roles []admin.Role
		want  string
	}{
		"an admin of all":               {"", []admin.Role{admin.RoleAdmin}, "credentials:read credentials:write catalog:read catalog:write keys:read keys:write audit:read operators:write"},
		"an admin of an org":            {"org_example", []admin.Role{admin.RoleAdmin}, "credentials:read credentials:write catalog:read catalog:write audit:read operators:write"},
		"a compliance admin":            {"", []admin.Role{admin.RoleComplianceAdmin}, "credentials:read credentials:write catalog:read audit:read"},
		"a viewer of all":               {"", []admin.Role{admin.RoleViewer}, "credentials:read catalog:read keys:read audit:read"},
		"a viewer of an org":            {"org_example", []admin.Role{admin.RoleViewer}, "credentials:read catalog:read audit:read"},
		"a viewer with an addition":     {"org_example", []admin.Role{admin.RoleViewer, admin.RoleCustomRoleAdmin}, "credentials:read catalog:read audit:read"},
		"a viewer who complies as well": {"org_example", []admin.Role{admin.RoleViewer, admin.RoleComplianceAdmin}, "credentials:read credentials:write catalog:read audit:read"},
	} {
		address := strings.ReplaceAll(name, " ", "-")
		s.hire(t, address, test.org, test.roles...)
		actor, _ := s.come(t, address)
		if got := strings.Join(actor.Permissions, " "); got != test.want || actor.Org != test.org || !slices.Equal(actor.Roles, test.roles) {
			t.Errorf("%s of %q holds %s", name, actor.Org, got)
		}
	}
}

func TestNobodyGivesRolesTheyDoNotHold(t *testing.T) {
	s := newStaff(t)
	s.org(t, "org_other")
	s.hire(t, "root", "", admin.RoleAdmin)
	s.hire(t, "local", "org_example", admin.RoleAdmin)
	s.hire(t, "both", "org_example", admin.RoleAdmin, admin.RoleCustomRoleAdmin)
	s.hire(t, "compliance", "org_example", admin.RoleComplianceAdmin)
	root, _ := s.come(t, "root")
	local, _ := s.come(t, "local")
	both, _ := s.come(t, "both")
	compliance, _ := s.come(t, "compliance")
	weak := s.boss
	weak.Permissions = []string{admin.OperatorsWrite}
	for name, test := range map[string]struct {
		actor admin.Actor
		org   string
		role  admin.Role
		want  string
	}{
		"an admin of all makes another":          {root, "", admin.RoleAdmin, ""},
		"an admin of all makes one of an org":    {root, "org_other", admin.RoleAdmin, ""},
		"an admin of an org makes another":       {local, "org_example", admin.RoleAdmin, ""},
		"an admin of an org makes a viewer":      {local, "org_example", admin.RoleViewer, ""},
		"an admin of an org makes one of all":    {local, "", admin.RoleViewer, "/roles/0/role not_grantable"},
		"an admin of an org reaches another org": {local, "org_other", admin.RoleViewer, "/roles/0/org_id unknown"},
		"an org that is not there":               {root, "org_none", admin.RoleViewer, "/roles/0/org_id unknown"},
		"an account is no org":                   {root, "acc_eu", admin.RoleViewer, "/roles/0/org_id unknown"},
		"a role that is not there":               {root, "", "owner", "/roles/0/role unknown"},
		"a program of operators alone":           {weak, "", admin.RoleViewer, "/roles/0/role not_grantable"},
		"a compliance admin makes nobody":        {compliance, "org_example", admin.RoleViewer, "forbidden"},
	} {
		_, _, err := s.operators.Register(t.Context(), test.actor, as(strings.ReplaceAll(name, " ", "-"), test.org, test.role))
		got := strings.Join(codes(err), ", ")
		if errors.As(err, new(*admin.ForbiddenError)) {
			got = "forbidden"
		} else if err != nil && got == "" {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}

	// The addition is given by those who have it.
	for actor, want := range map[*admin.Actor]string{&both: "", &local: "/roles/1/role not_grantable", &root: "/roles/1/role not_grantable"} {
		_, _, err := s.operators.Register(t.Context(), *actor, as("with-addition-"+actor.ID, "org_example", admin.RoleViewer, admin.RoleCustomRoleAdmin))
		if got := strings.Join(codes(err), ", "); got != want {
			t.Errorf("%v gives the addition: %q, want %q", actor.Roles, got, want)
		}
	}
	_, _, err := s.operators.Register(t.Context(), s.boss, as("alone", "", admin.RoleCustomRoleAdmin))
	if got := strings.Join(codes(err), ", "); got != "/roles required" {
		t.Errorf("an addition to nothing: %q", got)
	}

	// An API that names the role is handed out by who holds it, whatever else they are.
	roles := admin.NewClient{OrgID: "org_example", ClientChange: admin.ClientChange{Name: said("roles"), Grants: said([]oauth.Grant{{API: "custom-roles"}})}}
	if _, err := s.registrar.Register(t.Context(), root, roles, true); strings.Join(codes(err), ", ") != "/grants/0/permissions/0 not_grantable" {
		t.Errorf("an admin without the addition hands out custom roles: %v", err)
	}
	if _, err := s.registrar.Register(t.Context(), both, roles, true); err != nil {
		t.Errorf("an admin with the addition does not hand out custom roles: %v", err)
	}

	// Nor does an admin come to the addition by way of a program, which could give it.
	program := admin.NewClient{OrgID: "org_example", ClientChange: admin.ClientChange{Name: said("program"), Grants: said([]oauth.Grant{
		{API: admin.ManagementAPI, Permissions: []string{admin.CredentialsRead, admin.OperatorsWrite}, AppliesTo: oauth.Places{Org: true}}})}}
	for actor, want := range map[*admin.Actor]string{&both: "", &root: "/grants/0/permissions/1 not_grantable", &local: "/grants/0/permissions/1 not_grantable"} {
		_, err := s.registrar.Register(t.Context(), *actor, program, true)
		if got := strings.Join(codes(err), ", "); got != want {
			t.Errorf("%v makes a program that manages operators: %q, want %q", actor.Roles, got, want)
		}
	}
	made := s.register(t, program)
	var forbidden *admin.ForbiddenError
	if _, err := s.registrar.Rotate(t.Context(), local, made.ID, nil, admin.Rotation{}); !errors.As(err, &forbidden) {
		t.Errorf("an admin without the addition takes over such a program: %v", err)
	}
}

// TestNobodyManagesWhoHoldsMore: whoever may reset a password could sign in with it.
func TestNobodyManagesWhoHoldsMore(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "local", "org_example", admin.RoleAdmin)
	more := s.hire(t, "more", "org_example", admin.RoleViewer, admin.RoleCustomRoleAdmin)
	above := s.hire(t, "above", "", admin.RoleViewer)
	local, _ := s.come(t, "local")
	ctx := t.Context()
	for name, act := range map[string]func(id string) error{
		"change": func(id string) error {
			_, err := s.operators.Change(ctx, local, id, nil, as("x", "org_example", admin.RoleViewer))
			return err
		},
		"activate":   func(id string) error { _, err := s.operators.Activate(ctx, local, id); return err },
		"deactivate": func(id string) error { _, err := s.operators.Deactivate(ctx, local, id); return err },
		"reset":      func(id string) error { _, _, err := s.operators.ResetPassword(ctx, local, id); return err },
		"remove":     func(id string) error { return s.operators.Remove(ctx, local, id, nil) },
	} {
		if err := act(more.ID); !errors.As(err, new(*admin.ForbiddenError)) {
			t.Errorf("%s of one who holds more: %v", name, err)
		}
		if err := act(above.ID); !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("%s of one outside the org: %v", name, err)
		}
	}
	page, err := s.operators.List(ctx, local, "", admin.PageRequest{})
	if err != nil || len(page.Rows) != 2 {
		t.Errorf("the org has %d operators (%v)", len(page.Rows), err)
	}
}

// TestNothingIsOutsideTheOrg: there it is 404, whatever the right that is missing within is.
func TestNothingIsOutsideTheOrg(t *testing.T) {
	s := newStaff(t)
	if _, _, err := s.tree.Put(t.Context(), s.boss, admin.DeclaredTenant{ID: "org_other", Level: oauth.LevelOrg, Name: "Other"}, admin.PutCondition{}); err != nil {
		t.Fatal(err)
	}
	s.hire(t, "viewer", "org_example", admin.RoleViewer)
	chief, far := s.hire(t, "chief", "org_example", admin.RoleAdmin), s.hire(t, "far", "org_other", admin.RoleAdmin)
	viewer, _ := s.come(t, "viewer")
	own := func(name, orgID string) *oauth.Client {
		return s.register(t, admin.NewClient{OrgID: orgID, ClientChange: admin.ClientChange{Name: said(name), Grants: said([]oauth.Grant{
			{API: admin.ManagementAPI, Permissions: []string{admin.AuditRead}, AppliesTo: oauth.Places{Org: true}}})}})
	}
	near, foreign := own("near", "org_example"), own("foreign", "org_other")
	ctx := t.Context()
	for name, act := range map[string]func(client, operator, tenant string) error{
		"change": func(client, _, _ string) error {
			_, err := s.registrar.Change(ctx, viewer, client, nil, admin.ClientChange{Note: said("x")}, false)
			return err
		},
		"deactivate": func(client, _, _ string) error { _, err := s.registrar.Deactivate(ctx, viewer, client); return err },
		"rotate": func(client, _, _ string) error {
			_, err := s.registrar.Rotate(ctx, viewer, client, nil, admin.Rotation{})
			return err
		},
		"remove":          func(client, _, _ string) error { return s.registrar.Remove(ctx, viewer, client, nil) },
		"see an operator": func(_, operator, _ string) error { _, err := s.operators.Operator(ctx, viewer, operator); return err },
		"reset": func(_, operator, _ string) error {
			_, _, err := s.operators.ResetPassword(ctx, viewer, operator)
			return err
		},
		"remove an operator":  func(_, operator, _ string) error { return s.operators.Remove(ctx, viewer, operator, nil) },
		"switch a tenant off": func(_, _, tenant string) error { _, err := s.tree.Deactivate(ctx, viewer, tenant); return err },
	} {
		if err := act(near.ID, chief.ID, "acc_eu"); !errors.As(err, new(*admin.ForbiddenError)) {
			t.Errorf("%s within the org: %v", name, err)
		}
		for _, err := range []error{act(foreign.ID, far.ID, "org_other"), act("cid_none", "opr_none", "ws_none")} {
			if !errors.Is(err, oauth.ErrNotFound) {
				t.Errorf("%s outside the org: %v", name, err)
			}
		}
	}
}

// TestNobodyActsThroughACredentialThatHoldsMore: it can be switched and deleted, but not changed.
func TestNobodyActsThroughACredentialThatHoldsMore(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "compliance", "org_example", admin.RoleComplianceAdmin)
	actor, _ := s.come(t, "compliance")
	ctx := t.Context()
	management := func(name string, permissions ...string) *oauth.Client {
		return s.register(t, admin.NewClient{OrgID: "org_example", ClientChange: admin.ClientChange{Name: said(name), Grants: said([]oauth.Grant{
			{API: admin.ManagementAPI, Permissions: permissions, AppliesTo: oauth.Places{Org: true}}})}})
	}
	more, same := management("more", admin.OperatorsWrite), management("same", admin.CredentialsWrite, admin.KeysRead)
	rename := admin.ClientChange{Note: said("mine")}
	var forbidden *admin.ForbiddenError
	if _, err := s.registrar.Change(ctx, actor, more.ID, nil, rename, false); !errors.As(err, &forbidden) || forbidden.Permission != "latchkey:operators:write" {
		t.Errorf("changing one that holds more: %v", err)
	}
	if _, err := s.registrar.Change(ctx, actor, same.ID, nil, rename, false); err != nil {
		t.Errorf("changing one that holds no more: %v", err)
	}
	if _, err := s.registrar.Deactivate(ctx, actor, more.ID); err != nil {
		t.Errorf("switching one off that holds more: %v", err)
	}
	if _, err := s.registrar.Activate(ctx, actor, more.ID); err != nil {
		t.Errorf("switching one on that holds more: %v", err)
	}
	if err := s.registrar.Remove(ctx, actor, more.ID, nil); err != nil {
		t.Errorf("removing one that holds more: %v", err)
	}
}

func TestAnOrgWithOperatorsStays(t *testing.T) {
	s := newStaff(t)
	s.org(t, "org_brief")
	operator := s.hire(t, "ada", "org_brief", admin.RoleViewer)
	var inUse *admin.InUseError
	err := s.tree.Delete(t.Context(), s.boss, "org_brief", nil)
	if !errors.As(err, &inUse) || inUse.Total != 1 || inUse.Operators[0].ID != operator.ID {
		t.Errorf("deleting the org of an operator answered %v", err)
	}
	if err := s.operators.Remove(t.Context(), s.boss, operator.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.tree.Delete(t.Context(), s.boss, "org_brief", nil); err != nil {
		t.Errorf("deleting the org afterwards: %v", err)
	}
}

func TestOperatorFields(t *testing.T) {
	s := newStaff(t)
	_, _, err := s.operators.Register(t.Context(), s.boss, admin.OperatorChange{
		Email: said("Ada <ada@example.com>"), Name: said(" \u202e"),
		Roles: &[]admin.RoleAssignment{{Role: admin.RoleViewer}, {Role: admin.RoleViewer}, {Role: admin.RoleAdmin, OrgID: "org_example"}},
	})
	want := []string{"/email invalid", "/name invalid", "/name invalid", "/roles/1/role repeated", "/roles/2/org_id contradictory"}
	if got := codes(err); !slices.Equal(got, want) {
		t.Errorf("field errors %q, want %q", got, want)
	}
	_, _, err = s.operators.Register(t.Context(), s.boss, admin.OperatorChange{})
	if got := codes(err); !slices.Equal(got, []string{"/email invalid", "/name invalid", "/roles invalid"}) {
		t.Errorf("nothing said: %q", got)
	}
	_, _, err = s.operators.Register(t.Context(), s.boss, as(strings.Repeat("a", 250), "", admin.RoleViewer))
	if got := codes(err); !slices.Contains(got, "/email invalid") {
		t.Errorf("a long address: %q", got)
	}
}

func TestPasswordTokens(t *testing.T) {
	s := newStaff(t)
	ada, token, err := s.operators.Register(t.Context(), s.boss, as("ada", "", admin.RoleViewer))
	if err != nil {
		t.Fatal(err)
	}
	set := func(token oauth.Plaintext, password string) []string {
		return codes(s.operators.SetPassword(t.Context(), admin.Actor{}, token, password))
	}
	refused := []string{"/token invalid"}
	if got := set(token, "too short"); !slices.Equal(got, []string{"/password invalid"}) {
		t.Errorf("a short password: %q", got)
	}
	if got := set(oauth.NewPlaintext("lkp_none"), goodPassword); !slices.Equal(got, refused) {
		t.Errorf("an unknown token: %q", got)
	}
	s.clock.pass(24 * time.Hour)
	if got := set(token, goodPassword); !slices.Equal(got, refused) {
		t.Errorf("an expired token: %q", got)
	}
	_, second, err := s.operators.ResetPassword(t.Context(), s.boss, ada.ID)
	if err != nil {
		t.Fatal(err)
	}

	// Of many who use one token at once, one sets the password.
	var wait sync.WaitGroup
	wins := make(chan bool, 8)
	for range cap(wins) {
		wait.Go(func() { wins <- s.operators.SetPassword(t.Context(), admin.Actor{}, second, goodPassword) == nil })
	}
	wait.Wait()
	close(wins)
	won := 0
	for win := range wins {
		if win {
			won++
		}
	}
	if won != 1 {
		t.Errorf("a token set %d passwords", won)
	}
	if got := set(token, goodPassword); !slices.Equal(got, refused) {
		t.Errorf("a replaced token: %q", got)
	}
	s.come(t, "ada")
}
