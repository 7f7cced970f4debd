package storagetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
)

func testEventFilters(t *testing.T, f *fixture) {
	var all []admin.Event
	for i := range 12 {
		event := f.event([]string{"credential.changed", "api.put"}[i%2], []string{"a", "b", "c"}[i%3])
		event.At = f.start.Add(time.Duration(i) * time.Second)
		event.ActorID = []string{"x", "y"}[i/6]
		event.OrgID = []string{org, otherOrg, ""}[i%3]
		must(t, f.Admin.AddEvent(t.Context(), event))
		all = append(all, event)
	}
	for _, test := range []struct {
		query admin.EventQuery
		want  func(i int) bool
	}{
		{admin.EventQuery{}, func(int) bool { return true }},
		{admin.EventQuery{Actor: "x"}, func(i int) bool { return i < 6 }},
		{admin.EventQuery{Action: "api.put"}, func(i int) bool { return i%2 == 1 }},
		{admin.EventQuery{Target: "c", Actor: "y"}, func(i int) bool { return i%3 == 2 && i >= 6 }},
		{admin.EventQuery{Org: otherOrg}, func(i int) bool { return i%3 == 1 }},
		{admin.EventQuery{From: f.start.Add(3 * time.Second)}, func(i int) bool { return i >= 3 }},
		{admin.EventQuery{From: f.start.Add(3 * time.Second), To: f.start.Add(8 * time.Second)}, func(i int) bool { return 3 <= i && i < 8 }},
		{admin.EventQuery{Actor: "\x00"}, func(int) bool { return false }},
	} {
		var want []string
		for i, event := range all {
			if test.want(i) {
				want = append(want, event.ID)
			}
		}
		test.query.Limit = 5
		oldest := test.query
		oldest.After = new(int64)
		same(t, fmt.Sprintf("the oldest first of %+v", test.query), f.trail(t, oldest), want)
		slices.Reverse(want)
		same(t, fmt.Sprintf("the newest first of %+v", test.query), f.trail(t, test.query), want)
	}
}

// trail reads the ids of events, part by part.
func (f *fixture) trail(t testing.TB, query admin.EventQuery) []string {
	t.Helper()
	var ids []string
	for {
		rows, err := f.Admin.Events(t.Context(), query)
		must(t, err)
		for i := range rows {
			ids = append(ids, rows[i].ID)
			if query.After != nil {
				query.After = &rows[i].Sequence
			} else {
				query.Before = rows[i].Sequence
			}
		}
		if len(rows) < query.Limit {
			return ids
		}
	}
}

func testChain(t *testing.T, f *fixture) {
	head, err := f.Admin.ChainHead(t.Context())
	must(t, err)
	same(t, "the head of an empty chain", head, admin.ChainHead{Hash: make([]byte, 32)})
	const writers, rounds = 10, 5
	atOnce(t, writers, func(int) (bool, error) {
		for range rounds {
			if err := f.Admin.AddEvent(t.Context(), f.event("test", "x")); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	var last *admin.Link
	for count := int64(0); ; {
		links, err := f.Admin.Links(t.Context(), last, 7)
		must(t, err)
		for i := range links {
			count++
			same(t, fmt.Sprintf("the hash of event %d", count), links[i].Hash, links[i].Want)
			if links[i].Sequence != count {
				t.Fatalf("event %d has the place %d", count, links[i].Sequence)
			}
			last = &links[i]
		}
		if len(links) < 7 {
			break
		}
	}
	head, err = f.Admin.ChainHead(t.Context())
	must(t, err)
	same(t, "the head", head, admin.ChainHead{Sequence: writers * rounds, Hash: last.Hash})
}

func testCheckpoints(t *testing.T, f *fixture) {
	var all []admin.Checkpoint
	for i := range 5 {
		checkpoint := admin.Checkpoint{
			ChainHead: admin.ChainHead{Sequence: int64(10 * (i + 1)), Hash: make([]byte, 32)},
			At:        f.start.Add(time.Duration(i) * time.Second), JWS: fmt.Sprint("jws", i),
		}
		checkpoint.Hash[0] = byte(i)
		must(t, f.Admin.AddCheckpoint(t.Context(), checkpoint))
		all = append(all, checkpoint)
		checkpoint.JWS = "another replica's"
		must(t, f.Admin.AddCheckpoint(t.Context(), checkpoint))
	}
	rows, err := f.Admin.Checkpoints(t.Context(), admin.CheckpointQuery{After: new(int64(10)), Limit: 2})
	must(t, err)
	same(t, "those after the first", rows, all[1:3])
	slices.Reverse(all)
	rows, err = f.Admin.Checkpoints(t.Context(), admin.CheckpointQuery{Limit: 2})
	must(t, err)
	same(t, "the newest", rows, all[:2])
	rows, err = f.Admin.Checkpoints(t.Context(), admin.CheckpointQuery{Before: 40, Limit: 10})
	must(t, err)
	same(t, "those before", rows, all[2:])
}
