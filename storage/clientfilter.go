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
	where.used(query, order)
	return where
}

// beyond narrows to what lies beyond the query's position.
func (f *filter) beyond(query *admin.ClientQuery, order clientOrder) {
	if query.After != nil {
		f.and(order.beyond, order.value(query.After), query.After.ID)
	}
}

// granted narrows to clients that are granted something, somewhere: what is asked for of an API, at the place asked for.
// Every grant is at some place, but for those in the installation, which are at none that can be asked for.
func (f *filter) granted(query *admin.ClientQuery, id string) {
	switch {
	case query.Permission != "":
		f.and("EXISTS (SELECT 1 FROM grant_permissions g WHERE g.client_id = "+id+" AND g.api = %s AND g.permission = %s)",
			query.API, query.Permission)
	case query.API != "" && len(query.Places) == 0:
		f.and("EXISTS (SELECT 1 FROM grant_permissions g WHERE g.client_id = "+id+" AND g.api = %s)", query.API)
	}
	if len(query.Places) == 0 {
		return
	}
	there := f.in("p.tenant_id", query.Places)
	if query.PlacesIn != "" {
		there += " OR p.tenant_id IN (SELECT t.id FROM tenants t WHERE t.parent_id = " + f.place(query.PlacesIn) + ")"
	}
	there = "p.client_id = " + id + " AND (" + there + ")"
	if query.API != "" {
		there += " AND p.api = " + f.place(query.API)
	}
	f.and("EXISTS (SELECT 1 FROM grant_places p WHERE " + there + ")")
}

// used narrows to clients by what they did and what is about to happen to them, by the rules of admin.AttentionOf.
func (f *filter) used(query *admin.ClientQuery, order clientOrder) {
	if query.UnusedFor > 0 {
		f.unusedFor(query, query.UnusedFor)
	}
	if query.SecretExpiresWithin > 0 {
		f.secretExpires(query, order, query.SecretExpiresWithin)
	}
	switch query.Attention {
	case admin.AttentionSecretExpiring:
		f.secretExpires(query, order, admin.ExpiringWithin)
	case admin.AttentionUnused:
		f.unusedFor(query, admin.UnusedAfter)
	case admin.AttentionOldSecretInUse:
		f.and(`EXISTS (
			SELECT 1 FROM secrets old
			JOIN secret_usage used ON used.client_id = old.client_id AND used.secret_id = old.id
			JOIN secrets new ON new.client_id = old.client_id
			WHERE old.client_id = `+order.id+` AND old.stopped_at IS NULL AND old.stops_at IS NOT NULL AND old.stops_at > %s
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

// secretExpires narrows by what the database keeps of a client's secrets in both tables: see the migrations 00019 and
// 00020.
func (f *filter) secretExpires(query *admin.ClientQuery, order clientOrder, within time.Duration) {
	end := order.own + ".secret_expires_at"
	f.and(end+" > %s AND "+end+" <= %s", moment{query.Now}, moment{query.Now.Add(within)})
}
