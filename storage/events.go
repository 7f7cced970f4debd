package storage

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
)

// eventRow is a row of events.
type eventRow struct {
	Sequence  int64                             `db:"seq"`
	ID        string                            `db:"id"`
	At        moment                            `db:"at"`
	ActorKind admin.ActorKind                   `db:"actor_kind"`
	ActorID   string                            `db:"actor_id"`
	Address   string                            `db:"address"`
	RequestID string                            `db:"request_id"`
	Action    string                            `db:"action"`
	Target    string                            `db:"target"`
	OrgID     string                            `db:"org_id"`
	Changes   document[map[string]admin.Change] `db:"changes"`
}

func insertEvent(ctx context.Context, tx *sqlx.Tx, event *admin.Event) error {
	_, err := tx.NamedExecContext(ctx, `INSERT INTO events
			(id, at, actor_kind, actor_id, address, request_id, action, target, org_id, changes)
		VALUES (:id, :at, :actor_kind, :actor_id, :address, :request_id, :action, :target, :org_id, :changes)`,
		eventRow{
			ID: event.ID, At: moment{event.At},
			ActorKind: event.ActorKind, ActorID: event.ActorID, Address: event.Address, RequestID: event.RequestID,
			Action: event.Action, Target: event.Target, OrgID: event.OrgID,
			Changes: document[map[string]admin.Change]{event.Changes},
		})
	return err
}

// Events implements admin.Store.
func (db *DB) Events(ctx context.Context, query admin.EventQuery) ([]admin.EventRow, error) {
	if !storable(query.Org, query.Target) {
		return nil, nil
	}
	var where filter
	if query.Org != "" {
		where.and("org_id = %s", query.Org)
	}
	if query.Target != "" {
		where.and("target = %s", query.Target)
	}
	if query.Before != 0 {
		where.and("seq < %s", query.Before)
	}
	limit := where.place(query.Limit)

	var rows []eventRow
	err := db.ask(ctx, "reading the audit trail", func(ctx context.Context) error {
		return db.from().SelectContext(ctx, &rows, `SELECT seq, id, at, actor_kind, actor_id, address, request_id, action,
			target, org_id, changes FROM events `+where.String()+` ORDER BY seq DESC LIMIT `+limit, where.values...)
	})
	if err != nil {
		return nil, err
	}
	events := make([]admin.EventRow, len(rows))
	for i, row := range rows {
		events[i] = admin.EventRow{Sequence: row.Sequence, Event: admin.Event{
			ID: row.ID, At: row.At.Time,
			ActorKind: row.ActorKind, ActorID: row.ActorID, Address: row.Address, RequestID: row.RequestID,
			Action: row.Action, Target: row.Target, OrgID: row.OrgID, Changes: row.Changes.of,
		}}
	}
	return events, nil
}
