package storagetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// testReplays: of many uses of one id, at once and on several replicas, one is the first.
func testReplays(t *testing.T, f *fixture) {
	replicas := []oauth.Replays{f.Replays(t), f.Replays(t)}
	until := f.start.Add(time.Minute)
	for _, id := range []string{"one", "two"} {
		var firsts atomic.Int64
		var using sync.WaitGroup
		for i := range 16 {
			using.Go(func() {
				first, err := replicas[i%2].Use(t.Context(), id, until)
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		using.Wait()
		if n := firsts.Load(); n != 1 {
			t.Errorf("%d uses of %q were the first", n, id)
		}
	}
}

// testReplaysPruned: what has long ended is forgotten while others come, and what has not ended is not.
func testReplaysPruned(t *testing.T, f *fixture) {
	replays := f.Replays(t)
	lasting := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	use := func(id string, until time.Time) bool {
		t.Helper()
		first, err := replays.Use(t.Context(), id, until)
		must(t, err)
		return first
	}
	use("ended", f.start.Add(-24*365*time.Hour))
	use("lasting", lasting)
	for range 300 {
		use(oauth.NewID("use"), lasting)
	}
	if !use("ended", lasting) {
		t.Error("a use that ended long ago is still remembered")
	}
	if use("lasting", lasting) {
		t.Error("a use that has not ended is forgotten")
	}
}
