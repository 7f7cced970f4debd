package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// whoami is who a token belongs to.
type whoami struct {
	Kind        string   `json:"kind"`
	ID          string   `json:"id"`
	OrgID       *string  `json:"org_id"`
	Permissions []string `json:"permissions"`
}

func (a *api) whoami(ctx context.Context) (whoami, answer, error) {
	var me whoami
	got, err := a.get(ctx, "me")
	if err == nil {
		err = got.decode(&me)
	}
	return me, got, err
}

func (w *whoami) reach() string {
	if w.OrgID == nil {
		return "the whole installation"
	}
	return *w.OrgID
}

// Login is a command.
type Login struct{ connection }

// Run implements the command. The profile is written only after its credential has shown that it works.
func (c *Login) Run(ctx context.Context, s *Session) error {
	if !c.given(s) && !c.mayAsk(s) && !c.NoInput {
		c.ClientSecretStdin = true
	}
	found, err := c.settle(s)
	if err != nil {
		return err
	}
	if c.mayAsk(s) {
		if err := c.complete(ctx, s, &found); err != nil {
			return err
		}
	}
	if found.clientID.Value == "" {
		return misused("add --client-id", "there is no client ID, and nobody to ask for it")
	}
	if err := found.check(); err != nil {
		return err
	}
	me, _, err := newAPI(ctx, found).whoami(ctx)
	if err != nil {
		return err
	}
	kept := profile{Issuer: found.issuer.Value, ClientID: found.clientID.Value, ClientSecret: found.clientSecret.Value}
	if err := s.writeProfile(kept); err != nil {
		return err
	}
	s.note("Signed in to %s as %s, with reach over %s.", kept.Issuer, me.ID, me.reach())
	s.note("The secret is in %s (mode 0600, its folder 0700): whoever reads that file can do what you can. latchkey logout removes it.", s.profilePath())
	return nil
}

// given reports whether the secret was said without anybody being asked.
func (c *connection) given(s *Session) bool {
	return c.ClientSecretFile != "" || s.Getenv("LATCHKEY_CLIENT_SECRET") != "" || s.Getenv("LATCHKEY_CLIENT_SECRET_FILE") != ""
}

// complete asks for what was not said. What comes from an earlier profile is offered, but for the secret.
func (c *Login) complete(ctx context.Context, s *Session, found *settled) error {
	for _, question := range []struct {
		setting *setting
		text    string
		hidden  bool
	}{
		{&found.issuer, "Issuer", false},
		{&found.clientID, "Client ID", false},
		{&found.clientSecret, "Client secret", true},
	} {
		if question.setting.Origin == "flag" || question.setting.Origin == "environment" {
			continue
		}
		text := question.text
		if question.hidden {
			question.setting.Value = ""
		} else if question.setting.Value != "" {
			text += " [" + question.setting.Value + "]"
		}
		typed, err := s.ask(ctx, text, question.hidden)
		if err != nil {
			return err
		}
		if typed != "" {
			question.setting.Value = strings.TrimSuffix(typed, "/")
		}
	}
	return nil
}

// Logout is a command.
type Logout struct{}

// Run implements the command.
func (*Logout) Run(s *Session) error {
	err := os.Remove(s.profilePath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.note("There is no profile.")
		return nil
	case err != nil:
		return failed("", "the profile cannot be removed: %s", err)
	}
	s.note("The profile is removed. The credential itself goes on to work.")
	return nil
}

// Whoami is a command.
type Whoami struct {
	connection
	list
}

// Run implements the command.
func (c *Whoami) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	me, got, err := a.whoami(ctx)
	if err != nil {
		return err
	}
	rows := table{{"issuer", a.issuer}, {"id", me.ID}, {"kind", me.Kind}, {"reach", me.reach()}}
	for _, permission := range me.Permissions {
		rows = append(rows, []string{"may", permission})
	}
	return s.show(c.Output, view{body: got.body, table: rows, names: []string{me.ID}})
}
