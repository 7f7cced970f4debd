package cli

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json"
)

// paging says how much of a list is wanted.
type paging struct {
	Limit int  `default:"100" help:"Most rows."`
	All   bool `help:"All rows, however many pages that takes."`
}

// listed prints a list, of which row lays out one item and answers its name.
func listed[T any](ctx context.Context, s *Session, c connection, o list, p paging, path string, query url.Values,
	head []string, row func(*T) (string, []string)) error {
	if p.Limit < 1 {
		return misused("", "--limit must be at least 1")
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	limit := min(p.Limit, maxRows)
	if p.All {
		limit = maxRows
	}
	got, body, err := a.pages(ctx, path, query, limit)
	if err != nil {
		return err
	}
	shown := view{body: body, table: table{head}}
	for _, text := range got.Data {
		var item T
		if err := json.Unmarshal(text, &item); err != nil {
			return failed("latchkey doctor", "the server's answer cannot be read: %s", err)
		}
		name, cells := row(&item)
		shown.names, shown.table = append(shown.names, name), append(shown.table, cells)
	}
	if err := s.show(o.Output, shown); err != nil {
		return err
	}
	if got.NextCursor != nil {
		s.note("These are the first %d; there are more: --limit or --all.", len(got.Data))
	}
	return nil
}
