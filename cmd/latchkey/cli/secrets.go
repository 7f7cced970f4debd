package cli

import (
	"context"
	"net/http"
	"time"
)

// SecretsList is a command.
type SecretsList struct {
	connection
	list
	named
}

// Run implements the command.
func (c *SecretsList) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, a)
	if err != nil {
		return err
	}
	got, err := a.get(ctx, "credentials", id, "secrets")
	if err != nil {
		return err
	}
	var all struct {
		Data []secret `json:"data"`
	}
	if err := got.decode(&all); err != nil {
		return err
	}
	shown := view{body: got.body, table: table{{"ID", "HINT", "STATUS", "CREATED", "EXPIRES", "STOPS", "LAST USED"}}}
	for _, held := range all.Data {
		shown.names = append(shown.names, held.ID)
		shown.table = append(shown.table, []string{held.ID, "…" + held.Hint, held.Status, when(&held.CreatedAt),
			when(held.ExpiresAt), when(held.StopsAt), when(held.LastUsedAt)})
	}
	return s.show(c.Output, shown)
}

// SecretsRotate is a command.
type SecretsRotate struct {
	connection
	made
	named
	Overlap *time.Duration `placeholder:"DURATION" help:"How long the secret before works on, such as 24h; 0s ends it at once. The server has a default."`
	Expires string         `placeholder:"WHEN" help:"When the new secret ends: 90d, 1y or a date. Never, if left out."`
}

// Run implements the command.
func (c *SecretsRotate) Run(ctx context.Context, s *Session) error {
	if err := c.made.check(false); err != nil {
		return err
	}
	body := make(map[string]any)
	if c.Overlap != nil {
		if *c.Overlap < 0 || *c.Overlap%time.Second != 0 {
			return misused("--overlap 24h", "the overlap must be whole seconds: %s", *c.Overlap)
		}
		body["overlap"] = int64(*c.Overlap / time.Second)
	}
	if c.Expires != "" {
		instant, err := expiry(c.Expires, s.Now())
		if err != nil {
			return err
		}
		body["expires_at"] = instant
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, a)
	if err != nil {
		return err
	}
	keep, err := c.made.newFile()
	if err != nil {
		return err
	}
	got, err := a.send(ctx, request{method: http.MethodPost, path: path("credentials", id, "secrets"), body: body, once: true})
	if err != nil {
		keep.discard()
		return err
	}
	var rotated struct {
		secret
		ClientSecret string  `json:"client_secret"`
		Previous     *secret `json:"previous"`
	}
	if err := got.decode(&rotated); err != nil {
		return err
	}
	rows := table{{"client_id", id}, {"secret", rotated.line()}}
	if rotated.Previous != nil {
		rows = append(rows, []string{"previous", rotated.Previous.line()})
	}
	return s.showSecret(c.made, keep, id, rotated.ClientSecret, got.body, rows)
}

// SecretsStop is a command.
type SecretsStop struct {
	connection
	named
	Secret string `arg:"" help:"The id of the secret."`
	At     string `placeholder:"WHEN" help:"Not now but then: 2h, 1d or a time."`
	Yes    bool   `help:"Do not ask."`
}

// Run implements the command.
func (c *SecretsStop) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, a)
	if err != nil {
		return err
	}
	secret := path("credentials", id, "secrets", c.Secret)
	if c.At != "" {
		instant, err := expiry(c.At, s.Now())
		if err != nil {
			return err
		}
		_, err = a.send(ctx, request{method: http.MethodPatch, path: secret, body: map[string]any{"stops_at": instant}})
		if err == nil {
			s.note("%s stops %s", c.Secret, when(&instant))
		}
		return err
	}
	if err := c.sure(ctx, s, c.Yes, c.Secret); err != nil {
		return err
	}
	if _, err := a.send(ctx, request{method: http.MethodDelete, path: secret}); err != nil {
		return err
	}
	s.note("%s is stopped", c.Secret)
	return nil
}
