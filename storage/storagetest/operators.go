package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// operator makes an operator of the org that has every field set.
func (f *fixture) operator(name string) *admin.Operator {
	return &admin.Operator{
		ID: oauth.NewID("opr"), Email: name + "@example.com", Name: name, OrgID: org,
		Roles:  []admin.Role{admin.RoleComplianceAdmin, admin.RoleCustomRoleAdmin},
		Status: oauth.StatusActive, OrgStatus: oauth.StatusActive, PasswordHash: "$argon2id$" + name,
		SecondFactor: &admin.SecondFactor{Key: "KEY" + name, Step: 7, Recovery: []oauth.SecretHash{oauth.NewPlaintext("code").Hash()}},
		TokenHash:    oauth.NewPlaintext(name).Hash(), TokenExpiresAt: f.start.Add(time.Hour),
		CreatedAt: f.start, CreatedBy: "creator", UpdatedAt: f.start.Add(time.Microsecond), UpdatedBy: "updater", Version: 1,
		Upstream: admin.Upstream{Issuer: "https://people.example", Subject: name},
	}
}

func (f *fixture) createOperator(t testing.TB, operator *admin.Operator) {
	t.Helper()
	must(t, f.Admin.CreateOperator(t.Context(), operator, f.event("operator.created", operator.ID)))
}

// updateOperator changes an operator and leaves an event.
func (f *fixture) updateOperator(t testing.TB, id string, change func(*admin.Operator)) error {
	return f.Admin.UpdateOperator(t.Context(), id, func(operator *admin.Operator) (*admin.Event, error) {
		change(operator)
		event := f.event("operator.changed", id)
		return &event, nil
	})
}

func testOperators(t *testing.T, f *fixture) {
	f.plant(t)
	ada := f.operator("ada")
	f.createOperator(t, ada)
	bare := &admin.Operator{
		ID: oauth.NewID("opr"), Email: "bare@example.com", Name: "Bare", Roles: []admin.Role{admin.RoleViewer},
		Status: oauth.StatusInactive, OrgStatus: oauth.StatusActive, CreatedAt: f.start, UpdatedAt: f.start, Version: 1,
	}
	f.createOperator(t, bare)
	for _, want := range []*admin.Operator{ada, bare} {
		got, err := f.Admin.Operator(t.Context(), want.ID)
		must(t, err)
		same(t, "the operator", got, want)
		got, err = f.Admin.OperatorByEmail(t.Context(), want.Email)
		must(t, err)
		same(t, "the operator of an address", got, want)
	}
	got, err := f.Admin.OperatorByToken(t.Context(), ada.TokenHash)
	must(t, err)
	same(t, "the operator of a token", got, ada)
	got, err = f.Admin.OperatorByUpstream(t.Context(), ada.Upstream)
	must(t, err)
	same(t, "the operator of a person", got, ada)
	for what, find := range map[string]func() (*admin.Operator, error){
		"nobody upstream": func() (*admin.Operator, error) { return f.Admin.OperatorByUpstream(t.Context(), admin.Upstream{}) },
		"nobody there": func() (*admin.Operator, error) {
			return f.Admin.OperatorByUpstream(t.Context(), admin.Upstream{Issuer: "https://other.example", Subject: ada.Upstream.Subject})
		},
		"no id":      func() (*admin.Operator, error) { return f.Admin.Operator(t.Context(), "\x00") },
		"no address": func() (*admin.Operator, error) { return f.Admin.OperatorByEmail(t.Context(), "") },
		"no token":   func() (*admin.Operator, error) { return f.Admin.OperatorByToken(t.Context(), oauth.SecretHash{}) },
	} {
		_, err := find()
		wraps(t, what, err, oauth.ErrNotFound)
	}

	events := f.events(t)
	twin := f.operator("ada")
	wraps(t, "a taken address", f.Admin.CreateOperator(t.Context(), twin, f.event("operator.created", twin.ID)), oauth.ErrConflict)
	wraps(t, "an address taken later", f.updateOperator(t, bare.ID, func(o *admin.Operator) { o.Email = ada.Email }), oauth.ErrConflict)
	twin.Email, twin.TokenHash = "twin@example.com", oauth.SecretHash{}
	wraps(t, "a taken person", f.Admin.CreateOperator(t.Context(), twin, f.event("operator.created", twin.ID)), oauth.ErrConflict)
	refusal := errors.New("refused")
	err = f.Admin.UpdateOperator(t.Context(), ada.ID, func(o *admin.Operator) (*admin.Event, error) { return nil, refusal })
	wraps(t, "a refused change", err, refusal)
	if f.events(t) != events {
		t.Error("what was refused left an event")
	}

	must(t, f.updateOperator(t, ada.ID, func(o *admin.Operator) {
		o.Name, o.OrgID, o.Roles, o.TokenHash, o.TokenExpiresAt = "Ada", otherOrg, []admin.Role{admin.RoleViewer}, oauth.SecretHash{}, time.Time{}
		o.Version++
	}))
	ada.Name, ada.OrgID, ada.Roles, ada.TokenHash, ada.TokenExpiresAt = "Ada", otherOrg, []admin.Role{admin.RoleViewer}, oauth.SecretHash{}, time.Time{}
	ada.Version++
	must(t, f.updateOperator(t, ada.ID, func(o *admin.Operator) { o.SecondFactor = nil }))
	ada.SecondFactor = nil
	off := oauth.Tenant{ID: otherOrg, Level: oauth.LevelOrg, Name: "Two", OrgID: otherOrg, Status: oauth.StatusInactive}
	must(t, f.Admin.PutTenant(t.Context(), off, f.event("tenant.put", otherOrg)))
	ada.OrgStatus = oauth.StatusInactive
	got, err = f.Admin.Operator(t.Context(), ada.ID)
	must(t, err)
	same(t, "the changed operator, of an org that is off", got, ada)
	must(t, f.updateOperator(t, ada.ID, func(o *admin.Operator) { o.Status = oauth.StatusDeleted }))
	_, err = f.Admin.Operator(t.Context(), ada.ID)
	wraps(t, "a deleted operator", err, oauth.ErrNotFound)
	wraps(t, "changing a deleted operator", f.updateOperator(t, ada.ID, func(*admin.Operator) {}), oauth.ErrNotFound)
}

func testOperatorLists(t *testing.T, f *fixture) {
	f.plant(t)
	var want []string
	for i := range 7 { // Some share a name.
		operator := f.operator(fmt.Sprintf("person%d", i))
		operator.ID, operator.Name = fmt.Sprintf("opr_%d", i), fmt.Sprintf("Person %d", i/3)
		if i%2 == 0 {
			operator.OrgID = ""
		}
		f.createOperator(t, operator)
		want = append(want, operator.ID)
	}
	for _, test := range []struct {
		query admin.OperatorQuery
		want  []string
	}{
		{admin.OperatorQuery{}, want},
		{admin.OperatorQuery{Org: org}, []string{"opr_1", "opr_3", "opr_5"}},
		{admin.OperatorQuery{Search: "SON3@"}, []string{"opr_3"}},
		{admin.OperatorQuery{Search: "person 2"}, []string{"opr_6"}},
		{admin.OperatorQuery{Search: "\x00"}, nil},
	} {
		test.query.Limit = 2
		var got []string
		for {
			page, err := f.Admin.Operators(t.Context(), test.query)
			must(t, err)
			for _, operator := range page {
				got = append(got, operator.ID)
				test.query.After = &admin.OperatorPosition{Name: operator.Name, ID: operator.ID}
			}
			if len(page) < test.query.Limit {
				break
			}
		}
		same(t, fmt.Sprintf("the operators %+v", test.query), got, test.want)
	}
}

func testLastAdmin(t *testing.T, f *fixture) {
	f.plant(t)
	viewer := f.operator("viewer")
	viewer.OrgID, viewer.Roles = "", []admin.Role{admin.RoleViewer, admin.RoleComplianceAdmin}
	f.createOperator(t, viewer)
	must(t, f.updateOperator(t, viewer.ID, func(o *admin.Operator) { o.Status = oauth.StatusInactive })) // There was none before.

	root, second := f.operator("root"), f.operator("second")
	for _, admins := range []*admin.Operator{root, second} {
		admins.OrgID, admins.Roles = "", []admin.Role{admin.RoleAdmin}
		f.createOperator(t, admins)
	}
	must(t, f.updateOperator(t, second.ID, func(o *admin.Operator) { o.OrgID = org }))
	events := f.events(t)
	for what, change := range map[string]func(*admin.Operator){
		"deleting":     func(o *admin.Operator) { o.Status = oauth.StatusDeleted },
		"deactivating": func(o *admin.Operator) { o.Status = oauth.StatusInactive },
		"demoting":     func(o *admin.Operator) { o.Roles = []admin.Role{admin.RoleViewer} },
		"moving":       func(o *admin.Operator) { o.OrgID = org },
	} {
		wraps(t, what+" the last admin", f.updateOperator(t, root.ID, change), admin.ErrLastAdmin)
	}
	got, err := f.Admin.Operator(t.Context(), root.ID)
	must(t, err)
	same(t, "the last admin", got, root)
	if f.events(t) != events {
		t.Error("what was refused left an event")
	}

	// A program may take its place, but only one that may do it everywhere.
	api := f.api()
	api.Key, api.Level = admin.ManagementAPI, oauth.LevelInstallation
	must(t, f.Admin.PutAPI(t.Context(), api, f.event("api.put", api.Key)))
	client := f.create(t, "Program")
	grant := oauth.Grant{API: admin.ManagementAPI, Permissions: []string{admin.OperatorsWrite}, AppliesTo: oauth.Places{Org: true}}
	f.update(t, client.ID, func(client *oauth.Client) { client.Grants = []oauth.Grant{grant} })
	deactivate := func(o *admin.Operator) { o.Status = oauth.StatusInactive }
	wraps(t, "a program of one org", f.updateOperator(t, root.ID, deactivate), admin.ErrLastAdmin)
	grant.AppliesTo = oauth.Places{Installation: true}
	f.update(t, client.ID, func(client *oauth.Client) { client.Grants = []oauth.Grant{grant} })
	must(t, f.updateOperator(t, root.ID, deactivate))
}

func testSessions(t *testing.T, f *fixture) {
	f.plant(t)
	ada := f.operator("ada")
	f.createOperator(t, ada)
	begin := func(text string, at time.Time, passwordHash string) (oauth.SecretHash, error) {
		session := admin.Session{Hash: oauth.NewPlaintext(text).Hash(), OperatorID: ada.ID, CreatedAt: at, LastUsedAt: at}
		return session.Hash, f.Admin.CreateSession(t.Context(), session, passwordHash, f.event("operator.signed_in", ada.ID))
	}
	gone := func(what string, hash oauth.SecretHash) {
		t.Helper()
		_, _, err := f.Admin.Session(t.Context(), hash)
		wraps(t, what, err, oauth.ErrNotFound)
	}

	_, err := begin("early", f.start, "another password")
	wraps(t, "another password", err, oauth.ErrNotFound)
	hash, err := begin("first", f.start, ada.PasswordHash)
	must(t, err)
	must(t, f.Admin.UseSession(t.Context(), hash, f.start.Add(time.Minute)))
	session, operator, err := f.Admin.Session(t.Context(), hash)
	must(t, err)
	ada.LastSignInAt = f.start
	same(t, "the session", session, &admin.Session{Hash: hash, OperatorID: ada.ID, CreatedAt: f.start, LastUsedAt: f.start.Add(time.Minute)})
	same(t, "its operator", operator, ada)

	must(t, f.Admin.DeleteSession(t.Context(), hash, f.event("operator.signed_out", ada.ID)))
	gone("a session that was ended", hash)
	wraps(t, "ending it again", f.Admin.DeleteSession(t.Context(), hash, f.event("operator.signed_out", ada.ID)), oauth.ErrNotFound)

	other, err := begin("other", f.start, ada.PasswordHash)
	must(t, err)
	another, err := begin("another", f.start, ada.PasswordHash)
	must(t, err)
	must(t, f.Admin.DeleteSessions(t.Context(), ada.ID, f.event("operator.signed_out_everywhere", ada.ID)))
	gone("a session when all were ended", other)
	gone("the last session when all were ended", another)

	// A new password and a deactivation end all sessions; another role does not.
	for what, change := range map[string]func(*admin.Operator){
		"a new password": func(o *admin.Operator) { o.PasswordHash = ada.PasswordHash + "." },
		"a deactivation": func(o *admin.Operator) { o.Status = oauth.StatusInactive },
		"a deletion":     func(o *admin.Operator) { o.Status = oauth.StatusDeleted },
	} {
		ada = f.operator(what)
		f.createOperator(t, ada)
		hash, err := begin(what, f.start, ada.PasswordHash)
		must(t, err)
		must(t, f.updateOperator(t, ada.ID, func(o *admin.Operator) { o.Roles = []admin.Role{admin.RoleViewer} }))
		_, _, err = f.Admin.Session(t.Context(), hash)
		must(t, err)
		must(t, f.updateOperator(t, ada.ID, change))
		gone(what, hash)
	}

	// The oldest session goes when there are too many.
	ada = f.operator("busy")
	f.createOperator(t, ada)
	first, err := begin("0", f.start, ada.PasswordHash)
	must(t, err)
	for i := range 30 {
		_, err := begin(fmt.Sprint(i+1), f.start.Add(time.Duration(i+1)*time.Second), ada.PasswordHash)
		must(t, err)
	}
	gone("the oldest of many sessions", first)
	_, _, err = f.Admin.Session(t.Context(), oauth.NewPlaintext("30").Hash())
	must(t, err)
}
