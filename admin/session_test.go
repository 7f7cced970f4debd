package admin_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func TestSessionsEnd(t *testing.T) {
	s := newStaff(t)
	ada := s.hire(t, "ada", "org_example", admin.RoleAdmin)
	alive := func(session oauth.Plaintext) bool {
		t.Helper()
		_, err := s.sessions.Actor(t.Context(), session)
		if err != nil && !errors.Is(err, admin.ErrNoSession) {
			t.Fatal(err)
		}
		return err == nil
	}

	_, idle := s.come(t, "ada")
	s.clock.pass(29 * time.Minute)
	if !alive(idle) {
		t.Error("a session ended before it was idle for too long")
	}
	s.clock.pass(29 * time.Minute)
	if !alive(idle) {
		t.Error("a session ended though it was used")
	}
	s.clock.pass(30 * time.Minute)
	if alive(idle) {
		t.Error("an idle session did not end")
	}

	_, busy := s.come(t, "ada")
	for range 12*3 - 1 {
		s.clock.pass(20 * time.Minute)
		if !alive(busy) {
			t.Fatal("a session in use ended too early")
		}
	}
	s.clock.pass(20 * time.Minute)
	if alive(busy) {
		t.Error("a session did not end after its lifetime")
	}

	_, first := s.come(t, "ada")
	_, other := s.come(t, "ada")
	if err := s.sessions.End(t.Context(), admin.Actor{}, first); err != nil || alive(first) || !alive(other) {
		t.Errorf("signing out ended the wrong sessions (%v)", err)
	}
	off := oauth.Tenant{ID: "org_example", Level: oauth.LevelOrg, Name: "off", OrgID: "org_example", Status: oauth.StatusInactive}
	if err := s.db.PutTenant(t.Context(), off, admin.Event{ID: oauth.NewID("evt"), At: now()}); err != nil {
		t.Fatal(err)
	}
	if alive(other) {
		t.Error("a session outlived its org")
	}
	off.Status = oauth.StatusActive
	if err := s.db.PutTenant(t.Context(), off, admin.Event{ID: oauth.NewID("evt"), At: now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.operators.Deactivate(t.Context(), s.boss, ada.ID); err != nil || alive(other) {
		t.Errorf("a session outlived its operator (%v)", err)
	}
	if alive(oauth.NewPlaintext("")) {
		t.Error("nothing is a session")
	}
}

func TestStrangersLearnNothingWhenTheySignIn(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "ada", "", admin.RoleViewer)
	off := s.hire(t, "off", "", admin.RoleViewer)
	if _, err := s.operators.Deactivate(t.Context(), s.boss, off.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.operators.Register(t.Context(), s.boss, as("new", "", admin.RoleViewer)); err != nil {
		t.Fatal(err)
	}
	took := make(map[string]time.Duration)
	for name, password := range map[string]string{
		"ada": "incorrect horse battery", "off": goodPassword, "new": "", "nobody": goodPassword, "Ada": goodPassword + " ",
	} {
		began := time.Now()
		_, err := s.sessions.Begin(t.Context(), admin.Actor{Address: "192.0.2.1"}, name+"@example.com", password, "")
		took[name] = time.Since(began)
		if !errors.Is(err, admin.ErrSignIn) || err.Error() != admin.ErrSignIn.Error() {
			t.Errorf("%s was answered %v", name, err)
		}
	}
	// Each did the work of a password: some milliseconds. None was answered at once.
	for name, took := range took {
		if took < 3*time.Millisecond {
			t.Errorf("%s was answered after %s", name, took)
		}
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "ada", "", admin.RoleViewer)
	attempt := func(address, password string) error {
		_, err := s.sessions.Begin(t.Context(), admin.Actor{Address: address}, "ADA@example.com", password, "")
		return err
	}
	for range 5 {
		if err := attempt("2001:db8::1", "a wrong password"); !errors.Is(err, admin.ErrSignIn) {
			t.Fatal(err)
		}
	}
	var backoff *admin.BackoffError
	if err := attempt("2001:db8::ffff:1", goodPassword); !errors.As(err, &backoff) || backoff.Wait != time.Second {
		t.Errorf("from the same network: %v", err)
	}
	s.clock.pass(time.Second)
	if err := attempt("2001:db8::1", "a wrong password"); !errors.Is(err, admin.ErrSignIn) {
		t.Errorf("after the wait: %v", err)
	}
	if err := attempt("2001:db8::1", goodPassword); !errors.As(err, &backoff) || backoff.Wait != 2*time.Second {
		t.Errorf("after one more failure: %v", err)
	}
	if err := attempt("2001:db8:0:1::1", goodPassword); err != nil {
		t.Errorf("the one whose account it is was locked out: %v", err)
	}
	s.clock.pass(2 * time.Second)
	if err := attempt("2001:db8::1", goodPassword); err != nil {
		t.Errorf("after the wait, with the password: %v", err)
	}
	if err := attempt("2001:db8::1", "a wrong password"); !errors.Is(err, admin.ErrSignIn) {
		t.Errorf("a success did not forget the failures: %v", err)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	s := newStaff(t)
	actor := admin.Actor{Kind: admin.ActorClient, ID: "cid_hostile", Org: "org_example"}
	forbidden := &admin.ForbiddenError{Permission: "latchkey:keys:write"}
	note := func(target string, err error) {
		t.Helper()
		if err := s.refusals.Note(t.Context(), actor, "key.revoke", target, err); err != nil {
			t.Fatal(err)
		}
	}
	trail := func() []admin.EventRow {
		t.Helper()
		page, err := s.trail.Events(t.Context(), s.boss, admin.EventFilter{Actor: actor.ID}, admin.PageRequest{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return page.Rows
	}

	for range 50 {
		note("one", forbidden)
	}
	note("one", errors.New("something broke"))
	note("one", admin.FieldErrors{{Pointer: "/name", Code: "required"}})
	if n := len(trail()); n != 1 {
		t.Fatalf("one refusal again and again left %d events", n)
	}
	everywhere := actor
	everywhere.Org = ""
	if err := s.refusals.Note(t.Context(), everywhere, "key.revoke", "none", oauth.ErrNotFound); err != nil || len(trail()) != 1 {
		t.Errorf("nothing is out of reach for one who reaches everything (%v)", err)
	}
	for i := range 100 {
		note(fmt.Sprint("other", i), oauth.ErrNotFound)
	}
	rows := trail()
	if len(rows) != 20 {
		t.Fatalf("100 refusals left %d events", len(rows))
	}
	s.clock.pass(time.Minute)
	note("\xff\x00 what a path can hold", forbidden)
	newest := trail()[0]
	if newest.Action != "key.revoke_refused" || newest.OrgID != "org_example" || newest.Target != "��\x20what a path can hold" {
		t.Errorf("the event is %+v", newest.Event)
	}
	if got := string(newest.Changes["refusals_omitted"].To); got != "81" {
		t.Errorf("%s refusals were omitted and nobody counted", got)
	}
}
