package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// credential is what the commands read of a credential.
type credential struct {
	ClientID      string     `json:"client_id"`
	OrgID         string     `json:"org_id"`
	Name          string     `json:"name"`
	Note          string     `json:"note"`
	Owner         string     `json:"owner"`
	Status        string     `json:"status"`
	AuthMethod    string     `json:"auth_method"`
	TokenLifetime int64      `json:"token_lifetime"`
	QuotaPerHour  int64      `json:"token_quota_per_hour"`
	QuotaPerDay   int64      `json:"token_quota_per_day"`
	DPoPRequired  bool       `json:"dpop_required"`
	AllowedCIDRs  []string   `json:"allowed_cidrs"`
	Grants        []grant    `json:"grants"`
	Summary       []string   `json:"summary"`
	Secrets       []secret   `json:"secrets"`
	LastUsedAt    *time.Time `json:"last_used_at"`
	Attention     []string   `json:"attention"`
	CreatedAt     time.Time  `json:"created_at"`
	CreatedBy     string     `json:"created_by"`
	UpdatedAt     time.Time  `json:"updated_at"`
	UpdatedBy     string     `json:"updated_by"`
	Version       int64      `json:"version"`

	ClientSecret string     `json:"client_secret"` // Only of a new one.
	Warnings     []string   `json:"warnings"`
	TokensEndBy  *time.Time `json:"tokens_end_by"` // Only of one that was switched.
}

type secret struct {
	ID         string     `json:"id"`
	Hint       string     `json:"hint"`
	Status     string     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	ExpiresAt  *time.Time `json:"expires_at"`
	StopsAt    *time.Time `json:"stops_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	LastUsedIP *string    `json:"last_used_ip"`
}

type grant struct {
	API         string   `json:"api"`
	Permissions []string `json:"permissions"`
	AppliesTo   *places  `json:"applies_to,omitempty"`
}

type places struct {
	Installation    bool     `json:"installation,omitzero"`
	Org             bool     `json:"org,omitzero"`
	Accounts        []string `json:"accounts,omitempty"`
	Workspaces      []string `json:"workspaces,omitempty"`
	AllWorkspacesOf []string `json:"all_workspaces_of,omitempty"`
}

// change is a field before and after.
type change struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// row answers a credential as one line of a list.
func (c *credential) row() []string {
	scopes := make([]string, 0, len(c.Grants))
	for _, held := range c.Grants {
		for _, permission := range held.Permissions {
			scopes = append(scopes, held.API+":"+permission)
		}
	}
	return []string{c.ClientID, c.Name, c.Status, c.OrgID, strings.Join(scopes, " "), strings.Join(c.Attention, " ")}
}

// wideRow answers a credential as one line of a wide list.
func (c *credential) wideRow() []string {
	return append(c.row(), when(c.LastUsedAt), c.Owner, c.AuthMethod, when(&c.CreatedAt), c.Note)
}

// rows answers a credential as a table of its own, without its secret.
func (c *credential) rows() table {
	lifetime := "as its APIs say"
	if c.TokenLifetime > 0 {
		lifetime = (time.Duration(c.TokenLifetime) * time.Second).String()
	}
	networks := strings.Join(c.AllowedCIDRs, ", ")
	if networks == "" {
		networks = "anywhere"
	}
	rows := table{
		{"client_id", c.ClientID}, {"name", c.Name}, {"status", c.Status}, {"org", c.OrgID},
		{"owner", c.Owner}, {"note", c.Note}, {"from", networks}, {"token lifetime", lifetime},
	}
	for _, quota := range []struct {
		tokens int64
		span   string
	}{{c.QuotaPerHour, "an hour"}, {c.QuotaPerDay, "a day"}} {
		if quota.tokens > 0 {
			rows = append(rows, []string{"token quota", fmt.Sprintf("%d %s", quota.tokens, quota.span)})
		}
	}
	if c.DPoPRequired {
		rows = append(rows, []string{"dpop", "required"})
	}
	for _, sentence := range c.Summary {
		rows = append(rows, []string{"may", sentence})
	}
	for _, held := range c.Secrets {
		rows = append(rows, []string{"secret", held.line()})
	}
	rows = append(rows,
		[]string{"last used", when(c.LastUsedAt)},
		[]string{"created", when(&c.CreatedAt) + " by " + c.CreatedBy},
		[]string{"updated", when(&c.UpdatedAt) + " by " + c.UpdatedBy})
	if c.TokensEndBy != nil {
		rows = append(rows, []string{"tokens end by", when(c.TokensEndBy)})
	}
	return slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" })
}

func (s *secret) line() string {
	text := fmt.Sprintf("%s …%s %s", s.ID, s.Hint, s.Status)
	if s.ExpiresAt != nil {
		text += ", expires " + when(s.ExpiresAt)
	}
	if s.StopsAt != nil {
		text += ", stops " + when(s.StopsAt)
	}
	return text
}

// changesOf lays out what changes, or would.
func changesOf(changes map[string]change) table {
	names := make([]string, 0, len(changes))
	for name := range changes {
		names = append(names, name)
	}
	slices.Sort(names)
	rows := table{{"FIELD", "FROM", "TO"}}
	for _, name := range names {
		rows = append(rows, []string{name, compact(changes[name].From), compact(changes[name].To)})
	}
	return rows
}
