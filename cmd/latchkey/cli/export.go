package cli

import (
	"bufio"
	"context"
	"io"
	"net/http"
)

// EventsExport is a command.
type EventsExport struct {
	connection
	eventFilters
}

// Run implements the command. It copies what comes, however long, and fails if it ends before its end.
func (c *EventsExport) Run(ctx context.Context, s *Session) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	a.http.Timeout = 0 // The longer the trail, the longer it takes.
	exporting, err := http.NewRequestWithContext(ctx, http.MethodGet, a.issuer+"/admin/v1/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	exporting.Header.Set("Accept", "application/jsonl")
	response, err := a.http.Do(exporting)
	if err != nil {
		return unreachable(ctx, a.issuer, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		return refusal(response.StatusCode, response.Header, body)
	}
	_, isTerminal := terminal(s.Stdout)
	out := bufio.NewWriter(s.Stdout)
	in := bufio.NewReader(response.Body)
	for {
		line, err := in.ReadString('\n')
		if isTerminal {
			line = escapeJSON(line)
		}
		if _, err := out.WriteString(line); err != nil {
			return err
		}
		switch {
		case err == io.EOF:
			return out.Flush()
		case err != nil:
			out.Flush()
			return failed("the export is not whole: begin again", "%s ended the answer too early: %s", a.issuer, err)
		}
	}
}
