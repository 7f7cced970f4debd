package cli

import (
	"context"
	"strconv"
	"strings"
)

func (l *listedAPI) row() []string {
	keys := make([]string, len(l.Permissions))
	for i, permission := range l.Permissions {
		keys[i] = permission.Key
	}
	return []string{l.Key, l.Name, l.Status, l.Level, l.Choice, strings.Join(keys, " "), l.Audience}
}

func apiHead() []string {
	return []string{"KEY", "NAME", "STATUS", "LEVEL", "CHOICE", "PERMISSIONS", "AUDIENCE"}
}

// APIsList is a command.
type APIsList struct {
	connection
	list
}

// Run implements the command. The whole catalogue is one page.
func (c *APIsList) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := a.get(ctx, "apis")
	if err != nil {
		return err
	}
	var all struct {
		Data []listedAPI `json:"data"`
	}
	if err := got.decode(&all); err != nil {
		return err
	}
	shown := view{body: got.body, table: table{apiHead()}}
	for _, item := range all.Data {
		shown.names, shown.table = append(shown.names, item.Key), append(shown.table, item.row())
	}
	return s.show(c.Output, shown)
}

type apiKey struct {
	Key string `arg:"" help:"The key of the API."`
}

// APIsGet is a command.
type APIsGet struct {
	connection
	list
	apiKey
}

// Run implements the command.
func (c *APIsGet) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := a.get(ctx, "apis", c.Key)
	if err != nil {
		return err
	}
	return s.showAPI(c.Output, got)
}

func (s *Session) showAPI(output string, got answer) error {
	var one listedAPI
	if err := got.decode(&one); err != nil {
		return err
	}
	return s.show(output, view{body: got.body, table: table{apiHead(), one.row()}, names: []string{one.Key}})
}

// tenant is an organization, account or workspace.
type tenant struct {
	ID       string  `json:"id"`
	Level    string  `json:"level"`
	Name     string  `json:"name"`
	ParentID *string `json:"parent_id"`
	OrgID    string  `json:"org_id"`
	Status   string  `json:"status"`
	Children int64   `json:"children_count"`
}

func tenantHead() []string {
	return []string{"ID", "NAME", "LEVEL", "STATUS", "PARENT", "CHILDREN"}
}

func (t *tenant) row() []string {
	parent := ""
	if t.ParentID != nil {
		parent = *t.ParentID
	}
	return []string{t.ID, t.Name, t.Level, t.Status, parent, strconv.FormatInt(t.Children, 10)}
}

// TenantsList is a command.
type TenantsList struct {
	connection
	list
	paging
	Parent string `placeholder:"ID" help:"List what lies below this one."`
	Search string `placeholder:"TEXT" help:"List those at any level whose name or id contains this."`
}

// Run implements the command.
func (c *TenantsList) Run(ctx context.Context, s *Session) error {
	return listed(ctx, s, c.connection, c.list, c.paging, "/tenants", filter("parent", c.Parent, "q", c.Search), tenantHead(),
		func(item *tenant) (string, []string) { return item.ID, item.row() })
}

type tenantID struct {
	ID string `arg:"" name:"id" help:"The id of the organization, account or workspace."`
}

// TenantsGet is a command.
type TenantsGet struct {
	connection
	list
	tenantID
}

// Run implements the command.
func (c *TenantsGet) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := a.get(ctx, "tenants", c.ID)
	if err != nil {
		return err
	}
	return s.showTenant(c.Output, got)
}

func (s *Session) showTenant(output string, got answer) error {
	var one tenant
	if err := got.decode(&one); err != nil {
		return err
	}
	return s.show(output, view{body: got.body, table: table{tenantHead(), one.row()}, names: []string{one.ID}})
}
