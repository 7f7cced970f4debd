package cli

import (
	"context"
	"net/http"
	"net/url"
)

// APIsPut is a command.
type APIsPut struct {
	connection
	list
	apiKey
	File   string `short:"f" required:"" placeholder:"FILE" help:"The API in YAML or JSON; - for standard input."`
	Force  bool   `help:"Take from credentials what the change leaves no room for."`
	DryRun bool   `help:"Check everything, change nothing, and say what would change."`
}

// Run implements the command.
func (c *APIsPut) Run(ctx context.Context, s *Session) error {
	body, err := s.declared(c.File)
	if err != nil {
		return err
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := put(ctx, a, "apis", c.Key, forced(c.DryRun, c.Force), func(*answer) (any, error) { return body, nil })
	if err != nil {
		return err
	}
	var done struct {
		Lost    []loss            `json:"lost"`
		Changes map[string]change `json:"changes"`
	}
	if err := got.decode(&done); err != nil {
		return err
	}
	s.noteLosses(done.Lost)
	if c.DryRun {
		s.note("Nothing was changed: this is what would.")
		return s.show(c.Output, view{body: got.body, table: changesOf(done.Changes)})
	}
	return s.showAPI(c.Output, got)
}

func forced(dryRun, force bool) url.Values {
	query := make(url.Values)
	if dryRun {
		query.Set("dry_run", "true")
	}
	if force {
		query.Set("force", "true")
	}
	return query
}

// APIsActivate is a command.
type APIsActivate struct {
	connection
	list
	apiKey
}

// Run implements the command.
func (c *APIsActivate) Run(ctx context.Context, s *Session) error {
	got, err := switched(ctx, s, c.connection, "apis", c.Key, "activate")
	if err != nil {
		return err
	}
	return s.showAPI(c.Output, got)
}

// APIsDeactivate is a command.
type APIsDeactivate struct {
	connection
	list
	apiKey
}

// Run implements the command.
func (c *APIsDeactivate) Run(ctx context.Context, s *Session) error {
	got, err := switched(ctx, s, c.connection, "apis", c.Key, "deactivate")
	if err != nil {
		return err
	}
	return s.showAPI(c.Output, got)
}

// APIsDelete is a command.
type APIsDelete struct {
	connection
	apiKey
	Yes bool `help:"Do not ask."`
}

// Run implements the command.
func (c *APIsDelete) Run(ctx context.Context, s *Session) error {
	return removed(ctx, s, c.connection, "apis", c.Key, c.Yes)
}

// TenantsPut is a command.
type TenantsPut struct {
	connection
	list
	tenantID
	Level  string `placeholder:"LEVEL" help:"org, account or workspace. Needed for a new one; it never changes."`
	Parent string `placeholder:"ID" help:"What it lies below. Needed for a new account or workspace; it never changes."`
	Name   string `placeholder:"NAME" help:"Its name."`
}

// Run implements the command. What is left out stays what it is.
func (c *TenantsPut) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := put(ctx, a, "tenants", c.ID, nil, func(was *answer) (any, error) {
		level, parent, name := c.Level, c.Parent, c.Name
		if was != nil {
			var now tenant
			if err := was.decode(&now); err != nil {
				return nil, err
			}
			if now.ParentID == nil {
				now.ParentID = new(string)
			}
			level, parent, name = otherwise(level, now.Level), otherwise(parent, *now.ParentID), otherwise(name, now.Name)
		}
		if level == "" || name == "" {
			return nil, misused("latchkey tenants put --help", "%s is new, and needs --level and --name", c.ID)
		}
		body := map[string]any{"level": level, "name": name}
		if parent != "" {
			body["parent_id"] = parent
		}
		return body, nil
	})
	if err != nil {
		return err
	}
	return s.showTenant(c.Output, got)
}

func otherwise(said, was string) string {
	if said != "" {
		return said
	}
	return was
}

// TenantsActivate is a command.
type TenantsActivate struct {
	connection
	list
	tenantID
}

// Run implements the command.
func (c *TenantsActivate) Run(ctx context.Context, s *Session) error {
	got, err := switched(ctx, s, c.connection, "tenants", c.ID, "activate")
	if err != nil {
		return err
	}
	return s.showTenant(c.Output, got)
}

// TenantsDeactivate is a command.
type TenantsDeactivate struct {
	connection
	list
	tenantID
}

// Run implements the command.
func (c *TenantsDeactivate) Run(ctx context.Context, s *Session) error {
	got, err := switched(ctx, s, c.connection, "tenants", c.ID, "deactivate")
	if err != nil {
		return err
	}
	return s.showTenant(c.Output, got)
}

// TenantsDelete is a command.
type TenantsDelete struct {
	connection
	tenantID
	Yes bool `help:"Do not ask."`
}

// Run implements the command.
func (c *TenantsDelete) Run(ctx context.Context, s *Session) error {
	return removed(ctx, s, c.connection, "tenants", c.ID, c.Yes)
}

// switched activates or deactivates a thing of the catalogue or the tree.
func switched(ctx context.Context, s *Session, c connection, kind, id, verb string) (answer, error) {
	a, err := c.open(ctx, s)
	if err != nil {
		return answer{}, err
	}
	return a.send(ctx, request{method: http.MethodPost, path: path(kind, id, verb)})
}

// removed deletes a thing of the catalogue or the tree.
func removed(ctx context.Context, s *Session, c connection, kind, id string, yes bool) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := a.get(ctx, kind, id)
	if err != nil {
		return err
	}
	if err := c.sure(ctx, s, yes, id); err != nil {
		return err
	}
	if _, err := a.send(ctx, request{method: http.MethodDelete, path: path(kind, id), ifMatch: got.etag}); err != nil {
		return err
	}
	s.note("deleted %s", id)
	return nil
}

// put creates a thing if it is not there, or else replaces the version that was read. What is sent may depend on
// what was there.
func put(ctx context.Context, a *api, kind, id string, query url.Values, body func(was *answer) (any, error)) (answer, error) {
	putting := request{method: http.MethodPut, path: path(kind, id), query: query}
	was, err := a.get(ctx, kind, id)
	switch {
	case isNotFound(err):
		putting.create = true
		putting.body, err = body(nil)
	case err == nil:
		putting.ifMatch = was.etag
		putting.body, err = body(&was)
	}
	if err != nil {
		return answer{}, err
	}
	return a.send(ctx, putting)
}
