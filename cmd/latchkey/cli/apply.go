package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
)

// maxDeclaration bounds a file that is sent, in bytes. The server reads less.
const maxDeclaration = 16 << 20

// Apply is a command.
type Apply struct {
	connection
	report
	File   string `short:"f" required:"" placeholder:"FILE" help:"The declaration in YAML or JSON; - for standard input."`
	Force  bool   `help:"Take from credentials what a change of an API leaves no room for."`
	DryRun bool   `help:"Check everything, change nothing, and print the difference."`
}

// Run implements the command.
func (c *Apply) Run(ctx context.Context, s *Session) error {
	body, err := s.declared(c.File)
	if err != nil {
		return err
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	got, err := a.send(ctx, request{method: http.MethodPost, path: "/apply", query: forced(c.DryRun, c.Force), body: body})
	if err != nil {
		return err
	}
	var done struct {
		Steps []struct {
			Kind    string            `json:"kind"`
			ID      string            `json:"id"`
			Action  string            `json:"action"`
			Changes map[string]change `json:"changes"`
		} `json:"steps"`
		Lost     []loss   `json:"lost"`
		Warnings []string `json:"warnings"`
	}
	if err := got.decode(&done); err != nil {
		return err
	}
	s.warn(done.Warnings)
	s.noteLosses(done.Lost)
	if c.DryRun {
		s.note("Nothing was changed: this is what would.")
	}
	if len(done.Steps) == 0 {
		s.note("All is already as declared.")
	}
	rows := table{{"ACTION", "KIND", "ID", "FIELD", "FROM", "TO"}}
	for _, step := range done.Steps {
		head := []string{step.Action, step.Kind, step.ID}
		for _, changed := range changesOf(step.Changes)[1:] {
			rows = append(rows, append(head, changed...))
			head = []string{"", "", ""}
		}
	}
	return s.show(c.Output, view{body: got.body, table: rows})
}

// loss is what a credential loses by a change of the catalogue.
type loss struct {
	ClientID    string   `json:"client_id"`
	Name        string   `json:"name"`
	Loses       []string `json:"loses"`
	Deactivated bool     `json:"deactivated"`
}

func (s *Session) noteLosses(losses []loss) {
	for _, lost := range losses {
		text := fmt.Sprintf("%s (%s) loses %s", lost.ClientID, lost.Name, strings.Join(lost.Loses, " "))
		if lost.Deactivated {
			text += ", and becomes inactive"
		}
		s.note("warning: %s", text)
	}
}

// declared reads a YAML or JSON file as JSON.
func (s *Session) declared(name string) (jsontext.Value, error) {
	text, err := s.readInput(name, maxDeclaration)
	if err != nil {
		return nil, err
	}
	body, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, misused("", "%s: %s", name, yaml.FormatError(err, false, false))
	}
	return jsontext.Value(strings.TrimSpace(string(body))), nil
}

// readInput reads a file of the user, or standard input for "-", up to a limit of bytes.
func (s *Session) readInput(name string, limit int64) ([]byte, error) {
	if name != "-" {
		return readFile(name, limit)
	}
	return readUpTo(s.Stdin, "standard input", limit)
}
