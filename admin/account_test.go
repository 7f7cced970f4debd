package admin_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// enrol gives an operator a second factor, and answers what shows its codes, and the recovery codes.
func (s *staff) enrol(t *testing.T, actor admin.Actor) (codeIn func(time.Duration) string, recovery []oauth.Plaintext) {
	t.Helper()
	offer, err := s.sessions.OfferSecondFactor(t.Context(), actor, "Latchkey")
	if err != nil {
		t.Fatal(err)
	}
	codeIn = func(later time.Duration) string {
		t.Helper()
		code, err := totp.GenerateCode(offer.Key, s.clock.now().Add(later))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	recovery, err = s.sessions.EnrolSecondFactor(t.Context(), actor, admin.Enrolment{Key: offer.Key, Code: codeIn(0), Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	return codeIn, recovery
}

func TestSecondFactor(t *testing.T) {
	s := newStaff(t)
	ada := s.hire(t, "ada", "", admin.RoleViewer)
	actor, _ := s.come(t, "ada")
	code, recovery := s.enrol(t, actor)
	begin := func(password, code string) error {
		_, err := s.sessions.Begin(t.Context(), admin.Actor{Address: "192.0.2.1"}, "ada@example.com", password, code)
		return err
	}
	used := code(0)
	for _, test := range []struct {
		what, password, code string
		want                 error
	}{
		{"a wrong password learns nothing", "wrong", "", admin.ErrSignIn},
		{"no code", goodPassword, "", admin.ErrCodeMissing},
		{"the code that enrolled", goodPassword, used, admin.ErrCodeWrong},
		{"the next code, of a clock that is fast", goodPassword, code(30 * time.Second), nil},
		{"that code again", goodPassword, code(30 * time.Second), admin.ErrCodeWrong},
		{"a code before it", goodPassword, code(0), admin.ErrCodeWrong},
		{"a code of too far ahead", goodPassword, code(90 * time.Second), admin.ErrCodeWrong},
		{"a recovery code", goodPassword, recovery[3].Reveal(), nil},
		{"that recovery code again", goodPassword, recovery[3].Reveal(), admin.ErrCodeWrong},
		{"another, as people type", goodPassword, " " + recovery[4].Reveal() + " ", nil},
	} {
		if err := begin(test.password, test.code); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	operator, err := s.db.Operator(t.Context(), ada.ID)
	if err != nil || len(operator.SecondFactor.Recovery) != len(recovery)-2 {
		t.Errorf("%d recovery codes are left (%v)", len(operator.SecondFactor.Recovery), err)
	}

	// Codes are guessed at from many addresses, by somebody who has the password.
	guess := func(i int) error {
		address := admin.Actor{Address: "198.51.100." + string(rune('0'+i))}
		_, err := s.sessions.Begin(t.Context(), address, "ada@example.com", goodPassword, "wrong")
		return err
	}
	for i := range 5 {
		if err := guess(i); !errors.Is(err, admin.ErrCodeWrong) {
			t.Errorf("guess %d: %v", i, err)
		}
	}
	if err := guess(6); !errors.As(err, new(*admin.BackoffError)) {
		t.Errorf("the sixth guess: %v", err)
	}

	// An administrator helps who has lost everything.
	_, token, err := s.operators.ResetPassword(t.Context(), s.boss, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.operators.SetPassword(t.Context(), admin.Actor{}, token, goodPassword); err != nil {
		t.Fatal(err)
	}
	if err := begin(goodPassword, ""); err != nil {
		t.Errorf("after the reset: %v", err)
	}
}

// TestCodeIsUsedOnce lets one code sign in from many places at the same time.
func TestCodeIsUsedOnce(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "ada", "", admin.RoleViewer)
	actor, _ := s.come(t, "ada")
	code, _ := s.enrol(t, actor)
	s.clock.pass(time.Minute)
	right, results := code(0), make(chan error, 4)
	for range cap(results) {
		go func() {
			_, err := s.sessions.Begin(t.Context(), admin.Actor{Address: "192.0.2.1"}, "ada@example.com", goodPassword, right)
			results <- err
		}()
	}
	signedIn := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			signedIn++
		case !errors.Is(err, admin.ErrCodeWrong):
			t.Error(err)
		}
	}
	if signedIn != 1 {
		t.Errorf("one code signed in %d times", signedIn)
	}
}

func TestAccount(t *testing.T) {
	s := newStaff(t)
	s.hire(t, "ada", "", admin.RoleViewer)
	actor, one := s.come(t, "ada")
	_, two := s.come(t, "ada")
	ended := func(sessions ...oauth.Plaintext) {
		t.Helper()
		for _, session := range sessions {
			if _, err := s.sessions.Actor(t.Context(), session); !errors.Is(err, admin.ErrNoSession) {
				t.Errorf("a session goes on (%v)", err)
			}
		}
	}
	if err := s.sessions.EndAll(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	ended(one, two)

	_, one = s.come(t, "ada")
	if got := codes(s.sessions.ChangePassword(t.Context(), actor, "wrong", "short")); !slices.Equal(got, []string{"/password invalid"}) {
		t.Errorf("a short password: %v", got)
	}
	if got := codes(s.sessions.ChangePassword(t.Context(), actor, "wrong", "another horse battery")); !slices.Equal(got, []string{"/current_password invalid"}) {
		t.Errorf("a wrong password: %v", got)
	}
	code, recovery := s.enrol(t, actor)
	again := admin.Enrolment{Key: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Password: goodPassword}
	again.Code, _ = totp.GenerateCode(again.Key, s.clock.now())
	if _, err := s.sessions.EnrolSecondFactor(t.Context(), actor, again); !slices.Equal(codes(err), []string{"/key not_allowed"}) {
		t.Errorf("a second enrolment: %v", err)
	}
	again.Key = "JBSWY3DP"
	if _, err := s.sessions.EnrolSecondFactor(t.Context(), actor, again); !slices.Equal(codes(err), []string{"/key invalid"}) {
		t.Errorf("a short key: %v", err)
	}
	if got := codes(s.sessions.RemoveSecondFactor(t.Context(), actor, goodPassword, code(0))); !slices.Equal(got, []string{"/code invalid"}) {
		t.Errorf("removing it by a used code: %v", got)
	}
	if err := s.sessions.RemoveSecondFactor(t.Context(), actor, goodPassword, recovery[0].Reveal()); err != nil {
		t.Error(err)
	}
	if err := s.sessions.ChangePassword(t.Context(), actor, goodPassword, "another horse battery"); err != nil {
		t.Error(err)
	}
	ended(one)

	program := admin.Actor{Kind: admin.ActorClient, ID: "cid_program"}
	if err := s.sessions.EndAll(t.Context(), program); !errors.As(err, new(*admin.ForbiddenError)) {
		t.Errorf("a program has an account: %v", err)
	}
}
