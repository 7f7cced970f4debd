package cli

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// operator is a person who may sign in.
type operator struct {
	ID           string       `json:"id"`
	Email        string       `json:"email"`
	Name         string       `json:"name"`
	Roles        []assignment `json:"roles"`
	Status       string       `json:"status"`
	LastSignInAt *time.Time   `json:"last_sign_in_at"`

	PasswordToken          string    `json:"password_token"` // Only of one that is to set a password.
	PasswordTokenExpiresAt time.Time `json:"password_token_expires_at"`
}

// assignment is a role, in an organization or the whole installation.
type assignment struct {
	Role  string  `json:"role"`
	OrgID *string `json:"org_id"`
}

func operatorHead() []string {
	return []string{"ID", "E-MAIL", "NAME", "STATUS", "ROLES", "LAST SIGN-IN"}
}

func (o *operator) row() []string {
	roles := make([]string, len(o.Roles))
	for i, held := range o.Roles {
		roles[i] = held.Role
		if held.OrgID != nil {
			roles[i] += "@" + *held.OrgID
		}
	}
	return []string{o.ID, o.Email, o.Name, o.Status, strings.Join(roles, " "), when(o.LastSignInAt)}
}

// OperatorsList is a command.
type OperatorsList struct {
	connection
	list
	paging
	Search string `placeholder:"TEXT" help:"Keep those whose name or e-mail address contains this."`
}

// Run implements the command.
func (c *OperatorsList) Run(ctx context.Context, s *Session) error {
	return listed(ctx, s, c.connection, c.list, c.paging, "/operators", filter("q", c.Search), operatorHead(),
		func(item *operator) (string, []string) { return item.ID, item.row() })
}

// person is the operator that a command is about.
type person struct {
	Operator string `arg:"" help:"The id or the e-mail address of the operator."`
}

// find reads the operator, by its id or else by its address, which only one has.
func (p person) find(ctx context.Context, a *api) (operator, answer, error) {
	var only operator
	if !strings.Contains(p.Operator, "@") {
		got, err := a.get(ctx, "operators", p.Operator)
		if err == nil {
			err = got.decode(&only)
		}
		return only, got, err
	}
	_, body, err := a.pages(ctx, "/operators", filter("q", p.Operator), maxRows)
	if err != nil {
		return only, answer{}, err
	}
	var matches struct {
		Data []operator `json:"data"`
	}
	if err := (answer{body: body}).decode(&matches); err != nil {
		return only, answer{}, err
	}
	for _, match := range matches.Data {
		if strings.EqualFold(match.Email, p.Operator) {
			return person{match.ID}.find(ctx, a)
		}
	}
	return only, answer{}, failed("latchkey operators list", "no operator has the address %q", p.Operator)
}

// OperatorsGet is a command.
type OperatorsGet struct {
	connection
	list
	person
}

// Run implements the command.
func (c *OperatorsGet) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	_, got, err := c.find(ctx, a)
	if err != nil {
		return err
	}
	return s.showOperator(c.Output, got)
}

// roleFlags say what an operator may do.
type roleFlags struct {
	Role []string `placeholder:"ROLE" help:"What it may do: admin, compliance_admin, viewer or custom_role_admin. It can be given several times."`
	Org  string   `placeholder:"ID" help:"The organization in which --role is held. The whole installation, if left out."`
}

func (r *roleFlags) assignments() []assignment {
	held := make([]assignment, len(r.Role))
	for i, role := range r.Role {
		held[i].Role = role
		if r.Org != "" {
			held[i].OrgID = &r.Org
		}
	}
	return held
}

// OperatorsCreate is a command.
type OperatorsCreate struct {
	connection
	report
	roleFlags
	Email string `arg:"" help:"Its e-mail address, by which it signs in."`
	Name  string `required:"" placeholder:"NAME" help:"Its name."`
}

// Run implements the command.
func (c *OperatorsCreate) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	body := map[string]any{"email": c.Email, "name": c.Name, "roles": c.assignments()}
	got, err := a.send(ctx, request{method: http.MethodPost, path: "/operators", body: body, once: true})
	if err != nil {
		return err
	}
	return s.showOperator(c.Output, got)
}

// OperatorsUpdate is a command.
type OperatorsUpdate struct {
	connection
	list
	roleFlags
	person
	Email string `placeholder:"ADDRESS" help:"Another e-mail address."`
	Name  string `placeholder:"NAME" help:"Another name."`
}

// Run implements the command. Roles that are named take the place of those that were held.
func (c *OperatorsUpdate) Run(ctx context.Context, s *Session) error {
	body := make(map[string]any)
	if c.Email != "" {
		body["email"] = c.Email
	}
	if c.Name != "" {
		body["name"] = c.Name
	}
	if len(c.Role) > 0 {
		body["roles"] = c.assignments()
	}
	switch {
	case c.Org != "" && len(c.Role) == 0:
		return misused("name the roles with --role", "--org says where, but not which roles")
	case len(body) == 0:
		return misused("latchkey operators update --help", "nothing is to be changed")
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	only, was, err := c.find(ctx, a)
	if err != nil {
		return err
	}
	got, err := a.send(ctx, request{method: http.MethodPatch, path: path("operators", only.ID), body: body, ifMatch: was.etag})
	if err != nil {
		return err
	}
	return s.showOperator(c.Output, got)
}

// OperatorsActivate is a command.
type OperatorsActivate struct {
	connection
	list
	person
}

// Run implements the command.
func (c *OperatorsActivate) Run(ctx context.Context, s *Session) error {
	return c.act(ctx, s, c.connection, "activate", c.Output)
}

// OperatorsDeactivate is a command.
type OperatorsDeactivate struct {
	connection
	list
	person
}

// Run implements the command.
func (c *OperatorsDeactivate) Run(ctx context.Context, s *Session) error {
	return c.act(ctx, s, c.connection, "deactivate", c.Output)
}

// OperatorsResetPassword is a command. Its output is never a name alone, which would lose the token.
type OperatorsResetPassword struct {
	connection
	report
	person
}

// Run implements the command.
func (c *OperatorsResetPassword) Run(ctx context.Context, s *Session) error {
	return c.act(ctx, s, c.connection, "reset-password", c.Output)
}

// act does at once what the verb says.
func (p person) act(ctx context.Context, s *Session, c connection, verb, output string) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	only, _, err := p.find(ctx, a)
	if err != nil {
		return err
	}
	got, err := a.send(ctx, request{method: http.MethodPost, path: path("operators", only.ID, verb)})
	if err != nil {
		return err
	}
	return s.showOperator(output, got)
}

// OperatorsDelete is a command.
type OperatorsDelete struct {
	connection
	person
	Yes bool `help:"Do not ask."`
}

// Run implements the command.
func (c *OperatorsDelete) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	only, got, err := c.find(ctx, a)
	if err != nil {
		return err
	}
	if err := c.sure(ctx, s, c.Yes, only.Email); err != nil {
		return err
	}
	if _, err := a.send(ctx, request{method: http.MethodDelete, path: path("operators", only.ID), ifMatch: got.etag}); err != nil {
		return err
	}
	s.note("deleted %s", only.Email)
	return nil
}

// showOperator shows an operator, and the token that sets its password, if there is one, for the only time.
func (s *Session) showOperator(output string, got answer) error {
	var one operator
	if err := got.decode(&one); err != nil {
		return err
	}
	shown := view{body: got.body, table: table{operatorHead(), one.row()}, names: []string{one.ID}}
	if one.PasswordToken != "" {
		shown.uncut = "password_token   " + one.PasswordToken + "\n"
		s.note("The token sets a password once, until %s. It is shown only now: give it to %s alone.",
			when(&one.PasswordTokenExpiresAt), one.Email)
	}
	return s.show(output, shown)
}
