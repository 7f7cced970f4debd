package storage

import (
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// narrow writes what a query narrows to, its Search and its position aside.
func narrow(query *admin.ClientQuery, order clientOrder) filter {
	var where filter
	own := order.own
	if own == "c" { // A client that was deleted has no row in client_usage.
		where.and("c.deleted_at IS NULL")
	}
	if query.Org != "" {
		where.and(own+".org_id = %s", query.Org)
	}
	if query.Status != "" {
		where.and(own+".status = %s", query.Status)
	}
	if query.Attention != "" && query.Status != oauth.StatusActive {
		where.and(own+".status = %s", oauth.StatusActive)
	}
	if query.Name != "" {
		where.and("c.name = %s", query.Name)
	}
	where.granted(query, order.id)
	where.used(query, order.id)
	return where
}

// beyond narrows to what lies beyond the query's position.
func (f *filter) beyond(query *admin.ClientQuery, order clientOrder) {
	if query.After != nil {
		f.and(order.beyond, order.value(query.After), query.After.ID)
	}
}

// granted narrows to clients that are granted something, somewhere.
func (f *filter) granted(query *admin.ClientQuery, id string) {
	switch {
	case query.Permission != "":
		f.and("EXISTS (SELECT 1 FROM grant_permissions g WHERE g.client_id = "+id+" AND g.api = %s AND g.permission = %s)",
			query.API, query.Permission)
	case query.API != "":
		f.and("EXISTS (SELECT 1 FROM grant_permissions g WHERE g.client_id = "+id+" AND g.api = %s)", query.API)
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
	f.and("EXISTS (SELECT 1 FROM grant_places p WHERE p.client_id = " + id + " AND (" + there + "))")
}

// used narrows to clients by what they did and what is about to happen to them, by the rules of admin.AttentionOf.
func (f *filter) used(query *admin.ClientQuery, id string) {
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
			WHERE old.client_id = `+id+` AND old.stopped_at IS NULL AND old.stops_at IS NOT NULL AND old.stops_at > %s
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

// secretExpires narrows by what the database keeps of a client's secrets beside it: see the migration 00019.
func (f *filter) secretExpires(query *admin.ClientQuery, within time.Duration) {
	f.and("c.deleted_at IS NULL AND c.secret_expires_at > %s AND c.secret_expires_at <= %s",
		moment{query.Now}, moment{query.Now.Add(within)})
}
