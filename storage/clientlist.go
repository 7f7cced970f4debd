package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// selectClients reads the clients that a filter and an order leave, each once for every secret it has: one statement,
// so that a client is never seen with the secrets of another moment.
//
// The page is found first, by indexes that hold all that it takes, and only then its rows are read.
const selectClients = `SELECT ` + clientColumns + `, u.used_at, ` + secretColumns + `
	FROM (
		SELECT c.id FROM clients c LEFT JOIN client_usage u ON u.client_id = c.id %[1]s ORDER BY %[2]s LIMIT %[3]s
	) page JOIN clients c ON c.id = page.id LEFT JOIN client_usage u ON u.client_id = c.id
	LEFT JOIN secrets s ON s.client_id = c.id
	ORDER BY %[2]s, s.created_at DESC, s.id DESC`

// listedRow is a row of selectClients.
type listedRow struct {
	joinedRow
	UsedAt moment `db:"used_at"`
}

// clientOrder is an order of clients, and what lies beyond a position in it.
type clientOrder struct {
	by, beyond string
	value      func(*admin.ClientPosition) any
}

func orderOf(sort admin.ClientSort) (clientOrder, error) {
	byName := func(p *admin.ClientPosition) any { return p.Name }
	byAge := func(p *admin.ClientPosition) any { return moment{p.CreatedAt} }
	byUse := func(p *admin.ClientPosition) any { return orNever(p.UsedAt) }
	// The index of each order stands in one table alone, and so the id must be that table's.
	orders := map[admin.ClientSort]clientOrder{
		admin.ByName:        {"c.name, c.id", "(c.name, c.id) > (%s, %s)", byName},
		admin.ByNameDown:    {"c.name DESC, c.id DESC", "(c.name, c.id) < (%s, %s)", byName},
		admin.ByCreated:     {"c.created_at, c.id", "(c.created_at, c.id) > (%s, %s)", byAge},
		admin.ByCreatedDown: {"c.created_at DESC, c.id DESC", "(c.created_at, c.id) < (%s, %s)", byAge},
		admin.ByUsed:        {"u.used_at, u.client_id", "(u.used_at, u.client_id) > (%s, %s)", byUse},
		admin.ByUsedDown:    {"u.used_at DESC, u.client_id DESC", "(u.used_at, u.client_id) < (%s, %s)", byUse},
	}
	order, known := orders[sort]
	if !known {
		return clientOrder{}, fmt.Errorf("listing clients: there is no order %q", sort)
	}
	return order, nil
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
	statement, values := clientList(&query, order)
	err = db.ask(ctx, "listing clients", func(ctx context.Context) error {
		var rows []listedRow
		if err := db.sql.SelectContext(ctx, &rows, statement, values...); err != nil {
			return err
		}
		clients, err = foldList(rows)
		return err
	})
	return clients, err
}

// clientList writes the statement of a query.
func clientList(query *admin.ClientQuery, order clientOrder) (statement string, values []any) {
	var where filter
	where.and("c.deleted_at IS NULL")
	own := "c" // The table whose indexes hold the order.
	if query.Sort == admin.ByUsed || query.Sort == admin.ByUsedDown {
		own = "u"
		where.and("u.client_id IS NOT NULL")
	}
	if query.Org != "" {
		where.and(own+".org_id = %s", query.Org)
	}
	if query.Attention != "" {
		query.Status = oauth.StatusActive
	}
	if query.Status != "" {
		where.and(own+".status = %s", query.Status)
	}
	if query.Name != "" {
		where.and("c.name = %s", query.Name)
	}
	if query.Search != "" {
		where.contains("c.name", "c.id", query.Search)
	}
	where.granted(query)
	where.used(query)
	if query.After != nil {
		where.and(order.beyond, order.value(query.After), query.After.ID)
	}
	limit := where.place(query.Limit)
	return fmt.Sprintf(selectClients, &where, order.by, limit), where.values
}

func foldList(rows []listedRow) ([]admin.ClientRow, error) {
	joined := make([]joinedRow, len(rows))
	usedAt := make(map[string]moment, len(rows))
	for i := range rows {
		joined[i] = rows[i].joinedRow
		usedAt[rows[i].ID] = rows[i].UsedAt
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

// granted narrows to clients that are granted something, somewhere.
func (f *filter) granted(query *admin.ClientQuery) {
	switch {
	case query.Permission != "":
		f.and("EXISTS (SELECT 1 FROM grant_permissions g WHERE g.client_id = c.id AND g.api = %s AND g.permission = %s)",
			query.API, query.Permission)
	case query.API != "":
		f.and("EXISTS (SELECT 1 FROM grant_permissions g WHERE g.client_id = c.id AND g.api = %s)", query.API)
	}
	if len(query.Places) == 0 {
		return
	}
	var places filter
	places.values = f.values
	places.anyOf("p.tenant_id", query.Places)
	there := places.clauses[0]
	f.values = places.values
	if query.PlacesIn != "" {
		there += " OR p.tenant_id IN (SELECT t.id FROM tenants t WHERE t.parent_id = " + f.place(query.PlacesIn) + ")"
	}
	f.and("EXISTS (SELECT 1 FROM grant_places p WHERE p.client_id = c.id AND (" + there + "))")
}

// used narrows to clients by what they did and what is about to happen to them, by the rules of admin.AttentionOf.
func (f *filter) used(query *admin.ClientQuery) {
	if query.UnusedFor > 0 {
		f.unusedFor(query, query.UnusedFor)
	}
	if query.SecretExpiresWithin > 0 {
		f.secretExpires(query, query.SecretExpiresWithin)
	}
	switch query.Attention {
	case admin.AttentionSecretExpiring:
		f.secretExpires(query, admin.ExpiringWithin)
	case admin.AttentionUnused:
		f.unusedFor(query, admin.UnusedAfter)
	case admin.AttentionOldSecretInUse:
		f.and(`EXISTS (
			SELECT 1 FROM secrets old
			JOIN secret_usage used ON used.client_id = old.client_id AND used.secret_id = old.id
			JOIN secrets new ON new.client_id = old.client_id
			WHERE old.client_id = c.id AND old.stopped_at IS NULL AND old.stops_at IS NOT NULL AND old.stops_at > %s
				AND (old.expires_at IS NULL OR old.expires_at > %s) AND used.used_at > %s
				AND new.created_at > old.created_at AND used.used_at >= new.created_at)`,
			moment{query.Now}, moment{query.Now}, moment{query.Now.Add(-admin.OldSecretWithin)})
	case admin.AttentionRefusedRequests:
		f.and("u.refused_at > %s", moment{query.Now.Add(-admin.RefusedWithin)})
	}
}

func (f *filter) unusedFor(query *admin.ClientQuery, age time.Duration) {
	since := moment{query.Now.Add(-age)}
	f.and("u.created_at <= %s AND u.used_at <= %s", since, since)
}

func (f *filter) secretExpires(query *admin.ClientQuery, within time.Duration) {
	f.and(`EXISTS (SELECT 1 FROM secrets s WHERE s.client_id = c.id AND s.stopped_at IS NULL AND s.stops_at IS NULL
		AND s.expires_at > %s AND s.expires_at <= %s)`, moment{query.Now}, moment{query.Now.Add(within)})
}
