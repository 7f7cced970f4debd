package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// named is the credential that a command is about.
type named struct {
	Credential string `arg:"" name:"cred" help:"A client ID, or the exact name of a credential."`
}

// found is a credential as the server answered it.
type found struct {
	credential
	answer answer
}

// find reads the credential: by its client ID or else by its name, which is unique in an organization.
func (n named) find(ctx context.Context, a *api) (found, error) {
	var only found
	id, err := n.id(ctx, a)
	if err != nil {
		return only, err
	}
	only.answer, err = a.get(ctx, "credentials", id)
	if err == nil {
		err = only.answer.decode(&only.credential)
	}
	return only, err
}

// id answers the client ID of the credential.
func (n named) id(ctx context.Context, a *api) (string, error) {
	if n.Credential == "" {
		return "", misused("latchkey credentials list", "the credential has no name")
	}
	_, err := a.get(ctx, "credentials", n.Credential)
	if err == nil || !isNotFound(err) {
		return n.Credential, err
	}
	_, body, err := a.pages(ctx, "/credentials", url.Values{"q": {n.Credential}}, 10*pageSize)
	if err != nil {
		return "", err
	}
	var matches struct {
		Data []credential `json:"data"`
	}
	if err := (answer{body: body}).decode(&matches); err != nil {
		return "", err
	}
	var ids []string
	for _, match := range matches.Data {
		if match.Name == n.Credential {
			ids = append(ids, match.ClientID)
		}
	}
	switch len(ids) {
	case 0:
		word, _, _ := strings.Cut(n.Credential, " ")
		return "", failed("latchkey credentials list --search "+quote(strings.ToLower(word)), "no credential named %q", n.Credential)
	case 1:
		return ids[0], nil
	default:
		return "", failed("say which by its client ID: "+strings.Join(ids, ", "), "%d credentials are named %q", len(ids), n.Credential)
	}
}

// CredentialsList is a command.
type CredentialsList struct {
	connection
	wide
	paging
	Search string `placeholder:"TEXT" help:"Keep those whose name or client ID contains this."`
	Status string `placeholder:"STATUS" help:"Keep those that are active, or inactive."`
	Org    string `placeholder:"ID" help:"Keep those of one organization."`
	Sort   string `placeholder:"ORDER" help:"name, created_at or last_used_at; turned round by a minus: --sort=-created_at."`
	moreFilters
}

// Run implements the command.
func (c *CredentialsList) Run(ctx context.Context, s *Session) error {
	query := filter("q", c.Search, "status", c.Status, "org_id", c.Org, "sort", c.Sort)
	c.moreFilters.put(query)
	head := []string{"CLIENT ID", "NAME", "STATUS", "ORG", "MAY", "ATTENTION"}
	row := (*credential).row
	output := list{c.Output}
	if c.Output == "wide" {
		head, row, output.Output = append(head, "LAST USED", "OWNER", "BY", "CREATED", "NOTE"), (*credential).wideRow, "table"
	}
	return listed(ctx, s, c.connection, output, c.paging, "/credentials", query, head,
		func(item *credential) (string, []string) { return item.ClientID, row(item) })
}

// CredentialsGet is a command.
type CredentialsGet struct {
	connection
	list
	named
}

// Run implements the command.
func (c *CredentialsGet) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	only, err := c.find(ctx, a)
	if err != nil {
		return err
	}
	return s.show(c.Output, view{body: only.answer.body, table: only.rows(), names: []string{only.ClientID}})
}

// CredentialsActivate is a command.
type CredentialsActivate struct{ credentialSwitch }

// Run implements the command.
func (c *CredentialsActivate) Run(ctx context.Context, s *Session) error {
	return c.run(ctx, s, "activate")
}

// CredentialsDeactivate is a command.
type CredentialsDeactivate struct{ credentialSwitch }

// Run implements the command.
func (c *CredentialsDeactivate) Run(ctx context.Context, s *Session) error {
	return c.run(ctx, s, "deactivate")
}

type credentialSwitch struct {
	connection
	list
	named
}

func (c *credentialSwitch) run(ctx context.Context, s *Session, verb string) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, a)
	if err != nil {
		return err
	}
	got, err := a.send(ctx, request{method: http.MethodPost, path: path("credentials", id, verb)})
	if err != nil {
		return err
	}
	var now credential
	if err := got.decode(&now); err != nil {
		return err
	}
	return s.show(c.Output, view{body: got.body, table: now.rows(), names: []string{now.ClientID}})
}

// CredentialsDelete is a command.
type CredentialsDelete struct {
	connection
	named
	Yes bool `help:"Do not ask."`
}

// Run implements the command.
func (c *CredentialsDelete) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	only, err := c.find(ctx, a)
	if err != nil {
		return err
	}
	if err := c.sure(ctx, s, c.Yes, only.Name); err != nil {
		return err
	}
	_, err = a.send(ctx, request{method: http.MethodDelete, path: path("credentials", only.ClientID), ifMatch: only.answer.etag})
	if err != nil {
		return err
	}
	s.note("deleted %s (%s)", only.ClientID, only.Name)
	return nil
}

// fields are the members of a credential that can change.
type fields struct {
	Note          *string   `placeholder:"TEXT" help:"A note for people."`
	Owner         *string   `placeholder:"WHO" help:"Whom to ask about it."`
	TokenLifetime *string   `placeholder:"DURATION" help:"Longest life of its tokens, such as 10m; 0 leaves it to the APIs."`
	QuotaPerHour  *int64    `name:"token-quota-per-hour" placeholder:"N" help:"Most tokens that it is issued in an hour; 0 for any number."`
	QuotaPerDay   *int64    `name:"token-quota-per-day" placeholder:"N" help:"Most tokens that it is issued in a day; 0 for any number."`
	DPoPRequired  *bool     `name:"dpop-required" negatable:"" help:"Refuse it tokens that are not bound to a key of its own by DPoP."`
	AllowedCIDRs  *[]string `name:"allowed-cidrs" placeholder:"CIDR" help:"Networks that it may ask for tokens from; empty allows any."`
}

// put puts those that were given into a body.
func (f *fields) put(body map[string]any) error {
	if f.Note != nil {
		body["note"] = *f.Note
	}
	if f.Owner != nil {
		body["owner"] = *f.Owner
	}
	if f.QuotaPerHour != nil {
		body["token_quota_per_hour"] = *f.QuotaPerHour
	}
	if f.QuotaPerDay != nil {
		body["token_quota_per_day"] = *f.QuotaPerDay
	}
	if f.DPoPRequired != nil {
		body["dpop_required"] = *f.DPoPRequired
	}
	if f.AllowedCIDRs != nil {
		body["allowed_cidrs"] = *f.AllowedCIDRs
	}
	if f.TokenLifetime == nil {
		return nil
	}
	lifetime, err := time.ParseDuration(*f.TokenLifetime)
	if err != nil || lifetime < 0 || lifetime%time.Second != 0 {
		return misused("--token-lifetime 10m", "the token lifetime must be whole seconds: %s", *f.TokenLifetime)
	}
	body["token_lifetime"] = int64(lifetime / time.Second)
	return nil
}

// expiry reads a time: a date, a time of RFC 3339, or how long from now: 90d, 12w, 1y, 36h.
func expiry(text string, now time.Time) (time.Time, error) {
	if instant, ok := moment(text); ok {
		return instant, nil
	}
	if length := len(text); length > 1 {
		count, err := strconv.Atoi(text[:length-1])
		if err == nil && count > 0 && count <= 36500 {
			switch text[length-1] {
			case 'd':
				return now.AddDate(0, 0, count), nil
			case 'w':
				return now.AddDate(0, 0, 7*count), nil
			case 'y':
				return now.AddDate(count, 0, 0), nil
			}
		}
	}
	if wait, err := time.ParseDuration(text); err == nil && wait > 0 {
		return now.Add(wait), nil
	}
	return time.Time{}, misused("", "%q is no time: write 90d, 1y, 36h, 2030-12-31 or 2030-12-31T12:00:00Z", text)
}

// moment reads a date, or a time of RFC 3339.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if instant, err := time.Parse(layout, text); err == nil {
			return instant.UTC(), true
		}
	}
	return time.Time{}, false
}

// dryRun shows what would change.
func (s *Session) dryRun(output string, got answer) error {
	var would struct {
		Summary  []string          `json:"summary"`
		Warnings []string          `json:"warnings"`
		Changes  map[string]change `json:"changes"`
	}
	if err := got.decode(&would); err != nil {
		return err
	}
	s.note("Nothing was changed: this is what would.")
	s.warn(would.Warnings)
	rows := changesOf(would.Changes)
	for _, sentence := range would.Summary {
		rows = append(rows, []string{"may", "", sentence})
	}
	return s.show(output, view{body: got.body, table: rows})
}

func (s *Session) warn(warnings []string) {
	for _, warning := range warnings {
		s.note("warning: %s", warning)
	}
}

// dry is the query of a request that may be a dry run.
func dry(dryRun bool) url.Values {
	if !dryRun {
		return nil
	}
	return url.Values{"dry_run": {strconv.FormatBool(true)}}
}
