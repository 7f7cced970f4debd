package cli

import (
	"context"
	"net/http"
)

// CredentialsUpdate is a command.
type CredentialsUpdate struct {
	connection
	list
	allowed
	fields
	named
	Name   *string `placeholder:"NAME" help:"Another name."`
	DryRun bool    `help:"Check everything, change nothing, and say what would change."`
}

// Run implements the command. It changes what it has read, and nothing that somebody else has made of it meanwhile.
func (c *CredentialsUpdate) Run(ctx context.Context, s *Session) error {
	body := make(map[string]any)
	if err := c.fields.put(body); err != nil {
		return err
	}
	if c.Name != nil {
		body["name"] = *c.Name
	}
	if len(c.In) > 0 && len(c.Allow) == 0 {
		return misused("name them again with --allow", "--in says where, but not which permissions")
	}
	if len(body) == 0 && len(c.Allow) == 0 {
		return misused("latchkey credentials update --help", "nothing is to be changed")
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	only, err := c.find(ctx, a)
	if err != nil {
		return err
	}
	if len(c.Allow) > 0 {
		if body["grants"], err = c.allowed.grants(ctx, a); err != nil {
			return err
		}
	}
	got, err := a.send(ctx, request{method: http.MethodPatch, path: path("credentials", only.ClientID),
		query: dry(c.DryRun), body: body, ifMatch: only.answer.etag})
	if err != nil {
		return err
	}
	if c.DryRun {
		return s.dryRun(c.Output, got)
	}
	var now credential
	if err := got.decode(&now); err != nil {
		return err
	}
	return s.show(c.Output, view{body: got.body, table: now.rows(), names: []string{now.ClientID}})
}
