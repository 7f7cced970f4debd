package admin_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func TestExport(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	const more = 1100
	for i := range more {
		event := admin.Event{ID: oauth.NewID("evt"), At: now(), Action: "test", Target: fmt.Sprint(i), OrgID: []string{"org_example", "org_other"}[i%2]}
		if err := h.db.AddEvent(ctx, event); err != nil {
			t.Fatal(err)
		}
	}
	inOrg := h.boss
	inOrg.Org = "org_example"
	for name, test := range map[string]struct {
		actor  admin.Actor
		filter admin.EventFilter
		want   int
	}{
		"all of one action":          {h.boss, admin.EventFilter{Action: "test"}, more},
		"within an org":              {inOrg, admin.EventFilter{Action: "test"}, more / 2},
		"another org's":              {inOrg, admin.EventFilter{OrgID: "org_other"}, 0},
		"one org's, seen from above": {h.boss, admin.EventFilter{OrgID: "org_other"}, more / 2},
		"nothing":                    {h.boss, admin.EventFilter{Actor: "nobody"}, 0},
	} {
		parts, rows, last := 0, 0, int64(0)
		err := h.trail.Export(ctx, test.actor, test.filter, func(part []admin.EventRow) error {
			parts++
			for _, row := range part {
				if row.Sequence <= last {
					t.Fatalf("%s: event %d follows %d", name, row.Sequence, last)
				}
				last = row.Sequence
				rows++
			}
			return nil
		})
		if err != nil || rows != test.want || parts == 0 {
			t.Errorf("%s: %d events in %d parts (%v), want %d", name, rows, parts, err, test.want)
		}
	}
	gone := errors.New("the reader went away")
	parts := 0
	err := h.trail.Export(ctx, h.boss, admin.EventFilter{}, func([]admin.EventRow) error { parts++; return gone })
	if !errors.Is(err, gone) || parts != 1 {
		t.Errorf("a reader that went away was sent %d parts (%v)", parts, err)
	}
}
