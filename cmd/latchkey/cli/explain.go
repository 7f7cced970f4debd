package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Explain is a command.
type Explain struct {
	connection
	report
	named
	Permission []string `placeholder:"API:PERMISSION" help:"As if it asked for these permissions alone."`
	Resource   []string `placeholder:"URI" help:"As if it asked for these audiences alone."`
	Details    string   `placeholder:"JSON" help:"As if it asked for these authorization_details (RFC 9396)."`
	From       string   `placeholder:"ADDRESS" help:"As if it asked from this address."`
}

// Run implements the command.
func (c *Explain) Run(ctx context.Context, s *Session) error {
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, a)
	if err != nil {
		return err
	}
	body := make(map[string]any)
	if len(c.Permission) > 0 {
		body["scope"] = strings.Join(c.Permission, " ")
	}
	if len(c.Resource) > 0 {
		body["resource"] = c.Resource
	}
	if c.Details != "" {
		if !json.Valid([]byte(c.Details)) {
			return misused("write them as in a token", "--details is not JSON")
		}
		body["authorization_details"] = json.RawMessage(c.Details)
	}
	if c.From != "" {
		body["from"] = c.From
	}
	got, err := a.send(ctx, request{method: http.MethodPost, path: path("credentials", id, "token-preview"), body: body})
	if err != nil {
		return err
	}
	var preview struct {
		decodedToken
		Refusal *struct {
			Error   string   `json:"error"`
			Told    string   `json:"error_description"`
			Reason  string   `json:"reason"`
			Detail  string   `json:"detail"`
			Missing []string `json:"missing_permissions"`
		} `json:"refusal"`
	}
	if err := got.decode(&preview); err != nil {
		return err
	}
	rows := preview.rows()
	if refused := preview.Refusal; refused != nil {
		s.note("It would be refused.")
		rows = table{{"reason", refused.Detail}, {"in short", refused.Reason},
			{"it is told", refused.Error + ": " + refused.Told}}
		if len(refused.Missing) > 0 {
			rows = append(rows, []string{"missing", strings.Join(refused.Missing, " ")})
		}
	} else {
		s.note("It would get this token. None was issued.")
	}
	return s.show(c.Output, view{body: got.body, table: rows})
}
