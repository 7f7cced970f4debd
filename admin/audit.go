package admin

import "context"

// Trail is the audit trail. An actor bound to an org sees that org's events.
type Trail struct {
	Store   Store
	Cursors CursorKey
}

// Events answers a page of the trail, the newest event first. A target narrows to what was done to it.
func (t Trail) Events(ctx context.Context, actor Actor, target string, page PageRequest) (Page[EventRow], error) {
	if err := actor.require(AuditRead); err != nil {
		return Page[EventRow]{}, err
	}
	query := EventQuery{Org: actor.Org, Target: target}
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
