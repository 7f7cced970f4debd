package storage

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// Holders implements admin.Store.
func (db *DB) Holders(ctx context.Context, query admin.HolderQuery) (clients []oauth.Client, err error) {
	if !storable(query.API, query.Tenant) {
		return nil, nil
	}
	var where filter
	where.and("c.deleted_at IS NULL")
	if query.Tenant != "" {
		where.and("c.id IN (SELECT client_id FROM grant_places WHERE tenant_id = %s)", query.Tenant)
	}
	if query.API != "" {
		where.grantees(query)
	}
	limit := where.place(query.Limit)
	const order = "c.id" // It needs no sorting of all who hold a popular API.
	err = db.ask(ctx, "reading who holds a grant", func(ctx context.Context) error {
		page := fmt.Sprintf(selectPage, "c.id", "clients c", &where, order, limit)
		rows, err := db.selectList(ctx, statement{fmt.Sprintf(selectClients, page, order), where.values})
		clients = admin.ClientsOf(rows)
		return err
	})
	return clients, err
}

// grantees narrows to the clients with a grant of the API that the query means.
func (f *filter) grantees(query admin.HolderQuery) {
	all := "SELECT client_id FROM grant_permissions WHERE api = " + f.place(query.API)
	var meant []string
	if len(query.Permissions) > 0 {
		meant = append(meant, all+" AND "+f.in("permission", query.Permissions))
	}
	if query.Several {
		meant = append(meant, all+" GROUP BY client_id HAVING COUNT(*) > 1")
	}
	if meant == nil {
		meant = []string{all}
	}
	f.clauses = append(f.clauses, "c.id IN ("+strings.Join(meant, " UNION ")+")")
}
