package cli

import (
	"context"
	"errors"
	"net/http"
	"os"
)

// CredentialsCreate is a command.
type CredentialsCreate struct {
	connection
	made
	allowed
	fields
	Name     string `arg:"" help:"Its name, unique in the organization."`
	Org      string `placeholder:"ID" help:"Its organization, if there are several."`
	Expires  string `placeholder:"WHEN" help:"When its secret ends: 90d, 1y or a date. Never, if left out."`
	Inactive bool   `help:"Let it get no tokens yet."`
	DryRun   bool   `help:"Check everything, change nothing, and say what would be made."`
}

// Run implements the command.
func (c *CredentialsCreate) Run(ctx context.Context, s *Session) error {
	body := map[string]any{"name": c.Name}
	if err := c.fields.put(body); err != nil {
		return err
	}
	if c.Org != "" {
		body["org_id"] = c.Org
	}
	if c.Inactive {
		body["status"] = "inactive"
	}
	create := creation{connection: &c.connection, made: c.made, expires: c.Expires, dryRun: c.DryRun}
	return create.run(ctx, s, func(a *api) (map[string]any, error) {
		grants, err := c.allowed.grants(ctx, a)
		body["grants"] = grants
		return body, err
	})
}

// CredentialsDuplicate is a command.
type CredentialsDuplicate struct {
	connection
	made
	named
	Name    string `arg:"" help:"The name of the new one."`
	Expires string `placeholder:"WHEN" help:"When its secret ends: 90d, 1y or a date. Never, if left out."`
	DryRun  bool   `help:"Check everything, change nothing, and say what would be made."`
}

// Run implements the command.
func (c *CredentialsDuplicate) Run(ctx context.Context, s *Session) error {
	create := creation{connection: &c.connection, made: c.made, expires: c.Expires, dryRun: c.DryRun}
	return create.run(ctx, s, func(a *api) (map[string]any, error) {
		other, err := c.find(ctx, a)
		if err == nil && other.AuthMethod != "client_secret" {
			err = misused("latchkey credentials create", "%s authenticates by keys of its own, which a duplicate would share", other.Name)
		}
		return map[string]any{
			"name": c.Name, "org_id": other.OrgID, "note": other.Note, "owner": other.Owner, "grants": other.Grants,
			"token_lifetime": other.TokenLifetime, "token_quota_per_hour": other.QuotaPerHour, "token_quota_per_day": other.QuotaPerDay,
			"dpop_required": other.DPoPRequired, "allowed_cidrs": other.AllowedCIDRs,
		}, err
	})
}

// creation is what create and duplicate have in common.
type creation struct {
	*connection
	made
	expires string
	dryRun  bool
}

// run makes a credential of a body. All that can fail here is tried before: a secret is shown once.
func (c *creation) run(ctx context.Context, s *Session, body func(*api) (map[string]any, error)) error {
	if err := c.made.check(c.dryRun); err != nil {
		return err
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	fields, err := body(a)
	if err != nil {
		return err
	}
	if c.expires != "" {
		instant, err := expiry(c.expires, s.Now())
		if err != nil {
			return err
		}
		fields["secret_expires_at"] = instant
	}
	creating := request{method: http.MethodPost, path: "/credentials", query: dry(c.dryRun), body: fields, once: !c.dryRun}
	if c.dryRun {
		got, err := a.send(ctx, creating)
		if err != nil {
			return err
		}
		return s.dryRun(c.Output, got)
	}
	keep, err := c.made.newFile()
	if err != nil {
		return err
	}
	got, err := a.send(ctx, creating)
	if err != nil {
		keep.discard()
		return err
	}
	var new credential
	if err := got.decode(&new); err != nil {
		return err
	}
	s.warn(new.Warnings)
	return s.showSecret(c.made, keep, new.ClientID, new.ClientSecret, got.body, new.rows())
}

// check refuses outputs that would lose a secret or show it in two places.
func (m *made) check(dryRun bool) error {
	switch {
	case dryRun && m.SecretFile != "":
		return misused("", "--dry-run makes no secret for --secret-file")
	case dryRun && (m.Output == "env" || m.Output == "name"):
		return misused("", "--dry-run makes nothing that -o %s could print", m.Output)
	case dryRun:
		return nil
	case m.Output == "name" && m.SecretFile == "":
		return misused("add --secret-file", "-o name alone would lose the secret, which is shown once")
	case m.SecretFile != "" && m.Output != "table" && m.Output != "name":
		return misused("leave one of them out", "-o %s prints the secret that --secret-file keeps out of sight", m.Output)
	}
	return nil
}

// secretFile is a new file for a secret; nil for none.
type secretFile struct{ *os.File }

// newFile makes the file before there is a secret for it.
func (m *made) newFile() (*secretFile, error) {
	if m.SecretFile == "" {
		return nil, nil
	}
	file, err := os.OpenFile(m.SecretFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, misused("name a new file", "%s exists", m.SecretFile)
	}
	if err != nil {
		return nil, misused("", "%s", err)
	}
	return &secretFile{file}, nil
}

// discard removes the file that got no secret.
func (f *secretFile) discard() {
	if f != nil {
		f.Close()
		os.Remove(f.Name())
	}
}

func (f *secretFile) write(secret string) error {
	_, err := f.WriteString(secret + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// showSecret shows what was made, and its secret for the only time.
func (s *Session) showSecret(m made, keep *secretFile, id, secret string, body []byte, rows table) error {
	shown := view{body: body, table: rows, names: []string{id},
		env: [][2]string{{"LATCHKEY_CLIENT_ID", id}, {"LATCHKEY_CLIENT_SECRET", secret}}}
	if keep != nil {
		if err := keep.write(secret); err != nil {
			return failed("latchkey secrets rotate "+quote(id), "%s was made, but its secret could not be kept: %s", id, err)
		}
		s.note("The secret is in %s, and nowhere else.", m.SecretFile)
	} else {
		shown.uncut = "client_secret   " + secret + "\n"
		s.note("The secret is shown only now. Keep it where other secrets are kept.")
	}
	return s.show(m.Output, shown)
}
