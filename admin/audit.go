package admin

import (
	"cmp"
	"context"
	"time"
)

// Trail is the audit trail. An actor bound to an org sees that org's events.
type Trail struct {
	Store   Store
	Cursors CursorKey
}

// EventFilter narrows the trail. The zero value of a field does not narrow.
type EventFilter struct {
	OrgID  string
	Actor  string // The id of one.
	Action string
	Target string
	// From is the earliest time, To the first that is too late.
	From, To time.Time
}

// query answers what to ask for, and false if none of it is within the actor's reach.
func (f EventFilter) query(actor Actor) (EventQuery, bool) {
	return EventQuery{
		Org: cmp.Or(f.OrgID, actor.Org), Actor: f.Actor, Action: f.Action, Target: f.Target, From: f.From, To: f.To,
	}, f.OrgID == "" || actor.Sees(f.OrgID)
}

// Events answers a page of the trail, the newest event first.
func (t Trail) Events(ctx context.Context, actor Actor, filter EventFilter, page PageRequest) (Page[EventRow], error) {
	if err := actor.require(AuditRead); err != nil {
		return Page[EventRow]{}, err
	}
	query, visible := filter.query(actor)
	if !visible {
		return Page[EventRow]{}, nil
	}
	return paginate(t.Cursors, query, page,
		func(before *int64, limit int) ([]EventRow, error) {
			if before != nil {
				query.Before = *before
			}
			query.Limit = limit
			return t.Store.Events(ctx, query)
		},
		func(row *EventRow) int64 { return row.Sequence })
}

// exportBatch is how many events an export has in memory.
const exportBatch = 500

// Export hands on the trail part by part, the oldest event first, until its end or an error of write. No part is
// empty, but for a first one if there is nothing at all: an error before it was handed on is a refusal.
func (t Trail) Export(ctx context.Context, actor Actor, filter EventFilter, write func([]EventRow) error) error {
	if err := actor.require(AuditRead); err != nil {
		return err
	}
	query, visible := filter.query(actor)
	if !visible {
		return write(nil)
	}
	query.After, query.Limit = new(int64(-1)), exportBatch
	for first := true; ; first = false {
		rows, err := t.Store.Events(ctx, query)
		if err != nil || len(rows) == 0 && !first {
			return err
		}
		if err := write(rows); err != nil || len(rows) < query.Limit {
			return err
		}
		query.After = &rows[len(rows)-1].Sequence
	}
}

// ChainStatus is how far the chain reaches.
type ChainStatus struct {
	Head ChainHead
	// LastCheckpoint is nil before the first.
	LastCheckpoint *Checkpoint
}

// Status answers how far the chain reaches. It is the installation's, so an actor bound to an org does not see it.
func (t Trail) Status(ctx context.Context, actor Actor) (ChainStatus, error) {
	if err := actor.requireEverywhere(AuditRead); err != nil {
		return ChainStatus{}, err
	}
	head, err := t.Store.ChainHead(ctx)
	if err != nil {
		return ChainStatus{}, err
	}
	status := ChainStatus{Head: head}
	latest, err := t.Store.Checkpoints(ctx, CheckpointQuery{Limit: 1})
	if len(latest) > 0 {
		status.LastCheckpoint = &latest[0]
	}
	return status, err
}

// Checkpoints answers a page of the checkpoints, the newest first.
func (t Trail) Checkpoints(ctx context.Context, actor Actor, page PageRequest) (Page[Checkpoint], error) {
	if err := actor.requireEverywhere(AuditRead); err != nil {
		return Page[Checkpoint]{}, err
	}
	query := CheckpointQuery{}
	return paginate(t.Cursors, query, page,
		func(before *int64, limit int) ([]Checkpoint, error) {
			if before != nil {
				query.Before = *before
			}
			query.Limit = limit
			return t.Store.Checkpoints(ctx, query)
		},
		func(checkpoint *Checkpoint) int64 { return checkpoint.Sequence })
}
