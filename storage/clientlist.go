package storage

import (
	"context"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/admin"
)

// selectClients reads the clients that a filter and an order leave, each once for every secret it has: one statement,
// so that a client is never seen with the secrets of another moment.
//
// The page is found first, by indexes that hold all that it takes, and only then its rows are read. It is found in the
// table of its order alone, unless it needs the other: both have a row for every client, and no database knows that.
const (
	selectClients = `SELECT ` + clientColumns + `, u.used_at, ` + secretColumns + `
	FROM (%s) page JOIN clients c ON c.id = page.id LEFT JOIN client_usage u ON u.client_id = c.id
	LEFT JOIN secrets s ON s.client_id = c.id
	ORDER BY %s, s.created_at DESC, s.id DESC`

	selectPage = `SELECT %s FROM %s %s ORDER BY %s LIMIT %s`
)

// searchWindow is how many clients a search looks at, in their order, before it asks the index of what names contain.
const searchWindow = 2000

// listedRow is a row of selectClients.
type listedRow struct {
	joinedRow
	UsedAt moment `db:"used_at"`
}

// clientOrder is an order of clients, and what lies beyond a position in it.
type clientOrder struct {
	// own is the table of which an index holds the order, and id the column of it that names the client.
	own, id    string
	by, beyond string
	value      func(*admin.ClientPosition) any
	// column is what a window of clients must hold, beside id and name, to be put in order by windowBy.
	column, windowBy string
}

func orderOf(sort admin.ClientSort) (clientOrder, error) {
	byName := func(p *admin.ClientPosition) any { return p.Name }
	byAge := func(p *admin.ClientPosition) any { return moment{p.CreatedAt} }
	byUse := func(p *admin.ClientPosition) any { return orNever(p.UsedAt) }
	order, known := map[admin.ClientSort]clientOrder{
		admin.ByName:        {"c", "c.id", "c.name, c.id", "(c.name, c.id) > (%s, %s)", byName, "", "c.name, c.id"},
		admin.ByNameDown:    {"c", "c.id", "c.name DESC, c.id DESC", "(c.name, c.id) < (%s, %s)", byName, "", "c.name DESC, c.id DESC"},
		admin.ByCreated:     {"c", "c.id", "c.created_at, c.id", "(c.created_at, c.id) > (%s, %s)", byAge, ", c.created_at", "c.created_at, c.id"},
		admin.ByCreatedDown: {"c", "c.id", "c.created_at DESC, c.id DESC", "(c.created_at, c.id) < (%s, %s)", byAge, ", c.created_at", "c.created_at DESC, c.id DESC"},
		admin.ByUsed:        {"u", "u.client_id", "u.used_at, u.client_id", "(u.used_at, u.client_id) > (%s, %s)", byUse, ", u.used_at", "c.used_at, c.id"},
		admin.ByUsedDown:    {"u", "u.client_id", "u.used_at DESC, u.client_id DESC", "(u.used_at, u.client_id) < (%s, %s)", byUse, ", u.used_at", "c.used_at DESC, c.id DESC"},
	}[sort]
	if !known {
		return clientOrder{}, fmt.Errorf("listing clients: there is no order %q", sort)
	}
	return order, nil
}

// from answers the tables that a page is found in; names tells that it is to say what the clients are called.
func (o *clientOrder) from(query *admin.ClientQuery, names bool) string {
	const both = "clients c JOIN client_usage u ON u.client_id = c.id"
	switch {
	case o.own == "u" && !names && query.Name == "":
		return "client_usage u"
	case o.own == "c" && query.UnusedFor == 0 && query.Attention != admin.AttentionUnused &&
		query.Attention != admin.AttentionRefusedRequests:
		return "clients c"
	}
	return both
}

// Clients implements admin.Store.
func (db *DB) Clients(ctx context.Context, query admin.ClientQuery) (clients []admin.ClientRow, err error) {
	if !storable(query.Org, query.Name, query.Search, query.API, query.Permission) {
		return nil, nil
	}
	order, err := orderOf(query.Sort)
	if err != nil {
		return nil, err
	}
	err = db.ask(ctx, "listing clients", func(ctx context.Context) error {
		clients, err = db.listClients(ctx, &query, order)
		return err
	})
	return clients, err
}

// listClients answers a page. A search does it in two ways, for nobody can foretell how many clients contain a text.
// If many do, some of the next clients in the order do, and the page is full before all of those have been looked at.
// If few do, the index of what names contain leads to them.
func (db *DB) listClients(ctx context.Context, query *admin.ClientQuery, order clientOrder) ([]admin.ClientRow, error) {
	if query.Search == "" {
		return db.selectList(ctx, listStatement(query, order))
	}
	probe, page := windowStatements(query, order)
	var window struct {
		Looked int `db:"looked"`
		Found  int `db:"found"`
	}
	if err := db.from().GetContext(ctx, &window, probe.text, probe.values...); err != nil {
		return nil, err
	}
	all := window.Looked < searchWindow
	if all || window.Found >= query.Limit {
		near, err := db.selectList(ctx, page)
		if err != nil || all || len(near) == query.Limit { // Those that were found may have changed meanwhile.
			return near, err
		}
	}
	return db.selectList(ctx, searchStatement(query, order))
}

func (db *DB) selectList(ctx context.Context, s statement) ([]admin.ClientRow, error) {
	var rows []*listedRow // Pointers, as a row is large and the list grows.
	if err := db.from().SelectContext(ctx, &rows, s.text, s.values...); err != nil {
		return nil, err
	}
	return foldList(rows)
}

// statement is SQL with the values of its placeholders.
type statement struct {
	text   string
	values []any
}

// listStatement reads a page of what the query narrows to, its Search aside.
func listStatement(query *admin.ClientQuery, order clientOrder) statement {
	where := narrow(query, order)
	where.beyond(query, order)
	page := fmt.Sprintf(selectPage, order.id+" AS id", order.from(query, false), &where, order.by, where.place(query.Limit))
	return statement{fmt.Sprintf(selectClients, page, order.by), where.values}
}

// windowStatements are two: how many of the next searchWindow clients there are, and how many of them contain what is
// searched for; and the page of those that do.
func windowStatements(query *admin.ClientQuery, order clientOrder) (probe, page statement) {
	where := narrow(query, order)
	where.beyond(query, order)
	near := fmt.Sprintf(selectPage, "c.id, c.name"+order.column, order.from(query, true), &where, order.by, fmt.Sprint(searchWindow))
	found := filter{values: where.values}
	found.contains("c.name", "c.id", query.Search)
	probe.text = fmt.Sprintf(`SELECT COUNT(*) AS looked, COUNT(*) FILTER (%s) AS found FROM (%s) c`, &found, near)
	probe.values = slices.Clone(found.values)
	page.text = fmt.Sprintf(selectClients, fmt.Sprintf(`SELECT c.id FROM (%s) c %s ORDER BY %s LIMIT %s`,
		near, &found, order.windowBy, found.place(query.Limit)), order.by)
	page.values = found.values
	return probe, page
}

// searchStatement reads a page of all clients that contain what is searched for.
func searchStatement(query *admin.ClientQuery, order clientOrder) statement {
	where := narrow(query, order)
	where.beyond(query, order)
	found := filter{values: where.values}
	found.and("f.deleted_at IS NULL")
	found.contains("f.name", "f.id", query.Search)
	where.values = found.values
	where.and(order.id + " IN (SELECT id FROM found)")
	page := fmt.Sprintf(selectPage, order.id+" AS id", order.from(query, false), &where, order.by, where.place(query.Limit))
	return statement{
		fmt.Sprintf("WITH found AS MATERIALIZED (SELECT f.id FROM clients f %s) ", &found) +
			fmt.Sprintf(selectClients, page, order.by),
		where.values,
	}
}

func foldList(rows []*listedRow) ([]admin.ClientRow, error) {
	joined := make([]*joinedRow, len(rows))
	usedAt := make(map[string]moment, len(rows))
	for i, row := range rows {
		joined[i] = &row.joinedRow
		usedAt[row.ID] = row.UsedAt
	}
	clients, err := fold(joined)
	if err != nil {
		return nil, err
	}
	listed := make([]admin.ClientRow, len(clients))
	for i, client := range clients {
		listed[i] = admin.ClientRow{Client: client, Position: admin.ClientPosition{
			Name: client.Name, CreatedAt: client.CreatedAt, UsedAt: usedAt[client.ID].orZero(), ID: client.ID,
		}}
	}
	return listed, nil
}
