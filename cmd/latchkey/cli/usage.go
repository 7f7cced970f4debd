package cli

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Usage is a command.
type Usage struct {
	connection
	report
	named
	Days int `default:"14" help:"For how many days, at most 90."`
}

// usage is what a credential did.
type usage struct {
	Days []struct {
		Day      string           `json:"day"`
		SecretID *string          `json:"secret_id"`
		Issued   int64            `json:"issued"`
		Refused  map[string]int64 `json:"refused"`
	} `json:"days"`
	Refusals []struct {
		At      time.Time `json:"at"`
		Address string    `json:"address"`
		Detail  string    `json:"detail"`
	} `json:"refusals"`
	Permissions []struct {
		API            string     `json:"api"`
		Permission     string     `json:"permission"`
		Need           string     `json:"need"`
		LastAskedAt    *time.Time `json:"last_asked_at"`
		LastIncludedAt *time.Time `json:"last_included_at"`
	} `json:"permissions"`
}

// Run implements the command.
func (c *Usage) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, a)
	if err != nil {
		return err
	}
	got, err := a.send(ctx, request{method: "GET", path: path("credentials", id, "usage"),
		query: url.Values{"days": {strconv.Itoa(c.Days)}}})
	if err != nil {
		return err
	}
	var did usage
	if err := got.decode(&did); err != nil {
		return err
	}
	return s.show(c.Output, view{body: got.body, table: did.rows()})
}

// rows lays it out: permissions first, for what is not needed can be taken away.
func (u *usage) rows() table {
	rows := table{{"WHAT", "WHICH", "HOW", "WHEN"}}
	for _, held := range u.Permissions {
		last := held.LastAskedAt
		if held.Need == "included" {
			last = held.LastIncludedAt
		}
		rows = append(rows, []string{"permission", held.API + ":" + held.Permission, held.Need, "last " + when(last)})
	}
	for _, day := range u.Days {
		secret := "no secret"
		if day.SecretID != nil {
			secret = *day.SecretID
		}
		refused := make([]string, 0, len(day.Refused))
		for _, row := range slices.Sorted(maps.Keys(day.Refused)) {
			refused = append(refused, fmt.Sprintf("%s %d", row, day.Refused[row]))
		}
		how := strconv.FormatInt(day.Issued, 10) + " issued"
		if len(refused) > 0 {
			how += "; refused: " + strings.Join(refused, ", ")
		}
		rows = append(rows, []string{"day", secret, how, day.Day})
	}
	for _, refusal := range u.Refusals {
		rows = append(rows, []string{"refusal", refusal.Address, refusal.Detail, when(&refusal.At)})
	}
	return rows
}
