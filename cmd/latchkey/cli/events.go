package cli

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// event is a line of the audit trail.
type event struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Actor struct {
		Kind    string `json:"kind"`
		ID      string `json:"id"`
		Address string `json:"address"`
	} `json:"actor"`
	Action  string            `json:"action"`
	Target  string            `json:"target"`
	Changes map[string]change `json:"changes"`
}

// eventFilters are filters of events.
type eventFilters struct {
	Actor  string `placeholder:"ID" help:"Keep what this client or operator did."`
	Action string `placeholder:"ACTION" help:"Keep these acts, such as credential.created."`
	Org    string `placeholder:"ID" help:"Keep what was done in one organization."`
	From   string `placeholder:"WHEN" help:"Keep what was done since then: a date or a time."`
	To     string `placeholder:"WHEN" help:"Keep what was done before then: a date or a time."`
}

func (f *eventFilters) query() (url.Values, error) {
	query := filter("actor", f.Actor, "action", f.Action, "org_id", f.Org)
	for name, said := range map[string]string{"from": f.From, "to": f.To} {
		if said == "" {
			continue
		}
		instant, ok := moment(said)
		if !ok {
			return nil, misused("", "%q is no time: write 2026-01-31 or 2026-01-31T12:00:00Z", said)
		}
		query.Set(name, instant.Format(time.RFC3339Nano))
	}
	return query, nil
}

// EventsList is a command.
type EventsList struct {
	connection
	list
	paging
	eventFilters
	Credential string `placeholder:"CRED" help:"Only what was done to one credential: a client ID, also of a deleted one, or a name."`
}

// Run implements the command.
func (c *EventsList) Run(ctx context.Context, s *Session) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	target := "/events"
	if c.Credential != "" {
		id, err := c.target(ctx, s)
		if err != nil {
			return err
		}
		target = path("credentials", id, "events")
	}
	return listed(ctx, s, c.connection, c.list, c.paging, target, query,
		[]string{"AT", "ACTION", "TARGET", "BY", "FROM", "CHANGES"},
		func(item *event) (string, []string) {
			changes := ""
			if len(item.Changes) > 0 {
				changes = compact(item.Changes)
			}
			return item.ID, []string{when(&item.At), item.Action, item.Target, item.Actor.ID, item.Actor.Address, changes}
		})
}

// target answers the client ID. One of which nobody knows now may be of a deleted credential, which has events still.
func (c *EventsList) target(ctx context.Context, s *Session) (string, error) {
	a, err := c.open(ctx, s)
	if err != nil {
		return "", err
	}
	id, unnamed := named{c.Credential}.id(ctx, a)
	if unnamed == nil {
		return id, nil
	}
	got, err := a.send(ctx, request{method: http.MethodGet, path: path("credentials", c.Credential, "events")})
	if err != nil {
		return "", err
	}
	var some page
	if err := got.decode(&some); err != nil || len(some.Data) > 0 {
		return c.Credential, err
	}
	return "", unnamed
}
