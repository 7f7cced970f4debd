package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
)

// eventRow is a row of events.
type eventRow struct {
	Sequence  int64           `db:"seq"`
	ID        string          `db:"id"`
	At        moment          `db:"at"`
	ActorKind admin.ActorKind `db:"actor_kind"`
	ActorID   string          `db:"actor_id"`
	Address   string          `db:"address"`
	RequestID string          `db:"request_id"`
	Action    string          `db:"action"`
	Target    string          `db:"target"`
	OrgID     string          `db:"org_id"`
	Changes   string          `db:"changes"` // The JSON as it stands there: the chain covers its bytes.
	Hash      []byte          `db:"hash"`
}

const eventColumns = `seq, id, at, actor_kind, actor_id, address, request_id, action, target, org_id, changes, hash`

// insertEvent appends the event to the chain.
func insertEvent(ctx context.Context, tx *sqlx.Tx, event *admin.Event) error {
	var writes bundle
	if err := addEvent(ctx, tx, &writes, event); err != nil {
		return err
	}
	return writes.send(ctx, tx)
}

// addEvent makes the event, the only one of the bundle, the next of the chain. Every transaction that does so has queued on
// the epoch's row first (tx.go), so that nobody who waits for the head of the chain holds what its holder needs.
func addEvent(ctx context.Context, tx *sqlx.Tx, writes *bundle, event *admin.Event) error {
	changes, err := json.Marshal(event.Changes)
	if err != nil {
		return err
	}
	row := eventRow{
		ID: event.ID, At: moment{event.At},
		ActorKind: event.ActorKind, ActorID: event.ActorID, Address: event.Address, RequestID: event.RequestID,
		Action: event.Action, Target: event.Target, OrgID: event.OrgID, Changes: string(changes),
	}
	if err := row.append(ctx, tx, writes); err != nil {
		return err
	}
	writes.add(`INSERT INTO events (`+eventColumns+`)
		VALUES (:seq, :id, :at, :actor_kind, :actor_id, :address, :request_id, :action, :target, :org_id, :changes, :hash)`, row)
	return nil
}

// AddEvent implements admin.Store.
func (db *DB) AddEvent(ctx context.Context, event admin.Event) error {
	_, err := db.change(ctx, "storing an event", nil, func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
		return true, insertEvent(ctx, tx, &event)
	})
	return err
}

// Events implements admin.Store.
func (db *DB) Events(ctx context.Context, query admin.EventQuery) ([]admin.EventRow, error) {
	if !storable(query.Org, query.Actor, query.Action, query.Target) {
		return nil, nil
	}
	var where filter
	for _, wanted := range []struct{ column, value string }{
		{"org_id", query.Org}, {"actor_id", query.Actor}, {"action", query.Action}, {"target", query.Target},
	} {
		if wanted.value != "" {
			where.and(wanted.column+" = %s", wanted.value)
		}
	}
	if !query.From.IsZero() {
		where.and("at >= %s", moment{query.From})
	}
	if !query.To.IsZero() {
		where.and("at < %s", moment{query.To})
	}
	order := "seq DESC"
	if query.Before != 0 {
		where.and("seq < %s", query.Before)
	}
	if query.After != nil {
		where.and("seq > %s", *query.After)
		order = "seq"
	}
	limit := where.place(query.Limit)

	var rows []eventRow
	err := db.ask(ctx, "reading the audit trail", func(ctx context.Context) error {
		return db.from().SelectContext(ctx, &rows, `SELECT `+eventColumns+` FROM events `+
			where.String()+` ORDER BY `+order+` LIMIT `+limit, where.values...)
	})
	if err != nil {
		return nil, err
	}
	events := make([]admin.EventRow, len(rows))
	for i := range rows {
		if events[i], err = rows[i].event(); err != nil {
			return nil, fmt.Errorf("reading the audit trail: event %d: %w", rows[i].Sequence, err)
		}
	}
	return events, nil
}

func (r *eventRow) event() (admin.EventRow, error) {
	event := admin.EventRow{Sequence: r.Sequence, Hash: r.Hash, Event: admin.Event{
		ID: r.ID, At: r.At.Time,
		ActorKind: r.ActorKind, ActorID: r.ActorID, Address: r.Address, RequestID: r.RequestID,
		Action: r.Action, Target: r.Target, OrgID: r.OrgID,
	}}
	return event, json.Unmarshal([]byte(r.Changes), &event.Changes)
}
