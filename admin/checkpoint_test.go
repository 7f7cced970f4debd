package admin

import (
	"testing"
	"time"
)

func TestCheckpointDue(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		head   int64
		before int64
		age    time.Duration
		want   bool
	}{
		"a few events, soon":     {1001, 2, 59 * time.Minute, false},
		"a few events, at last":  {3, 2, time.Hour, true},
		"a thousand events":      {1002, 2, time.Second, true},
		"the clock was set back": {3, 2, -time.Hour, false},
	} {
		before := Checkpoint{ChainHead: ChainHead{Sequence: test.before}, At: now.Add(-test.age)}
		if got := checkpointDue(ChainHead{Sequence: test.head}, before, now); got != test.want {
			t.Errorf("%s: due is %v", name, got)
		}
	}
	if !checkpointDue(ChainHead{Sequence: 1}, Checkpoint{}, now) {
		t.Error("the first checkpoint is not due")
	}
}
