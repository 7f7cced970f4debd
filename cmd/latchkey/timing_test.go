package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestRefusalTimes reports whether the time of a refusal tells what is wrong: the requests of all kinds take turns,
// shuffled so that none always follows the same, and each kind is held against the refusal of an unknown client by the
// test of Mann and Whitney. Times are only reported, for the machine may be busy; the answers have to be as they should.
func TestRefusalTimes(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		reportRefusalTimes(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) { reportRefusalTimes(t, sharedPostgres.NewDatabase(t)) })
}

func reportRefusalTimes(t *testing.T, database string) {
	const rounds = 300
	order := rand.New(rand.NewPCG(1, 2))
	front, first := wholeServer(t, database)
	listening := httptest.NewServer(front)
	t.Cleanup(listening.Close)
	first.issuer = listening.URL
	m := newManager(t, first)
	register := func(name string) identity {
		made := m.do(t, http.StatusCreated, "POST", "/credentials", fmt.Sprintf(`{"name": %q, %s}`, name, management))
		return identity{id: made["client_id"].(string), secret: made["client_secret"].(string)}
	}
	known, inactive := register("Known"), register("Inactive")
	m.do(t, http.StatusOK, "POST", "/credentials/"+inactive.id+"/deactivate", "")
	// The memory holds 100 clients: whichever comes next of so many has left it since it came last.
	crowd := make([]identity, 120)
	for i := range crowd {
		crowd[i] = register(fmt.Sprintf("One of many %d", i))
	}
	wrong := register("Other").secret
	kinds := []struct {
		name string
		read bool
		next func(round int) identity
	}{
		{"unknown", false, func(int) identity { return identity{id: "cid_unknown", secret: wrong} }},
		{"wrong secret", false, func(int) identity { return identity{id: known.id, secret: wrong} }},
		{"secret of no form", false, func(int) identity { return identity{id: known.id, secret: "wrong"} }},
		{"inactive, right secret", false, func(int) identity { return inactive }},
		{"inactive, wrong secret", false, func(int) identity { return identity{id: inactive.id, secret: wrong} }},
		{"unknown, not in memory", true, func(int) identity { return identity{id: oauth.NewID("cid"), secret: wrong} }},
		{"known, not in memory", true, func(round int) identity { return identity{id: crowd[round%len(crowd)].id, secret: wrong} }},
	}
	times := make([][]time.Duration, len(kinds))
	for round := range rounds {
		for _, kind := range order.Perm(len(kinds)) {
			who := kinds[kind].next(round)
			start := time.Now()
			answer := askWithin(front, who.id, who.secret)
			times[kind] = append(times[kind], time.Since(start))
			if answer.Code != http.StatusUnauthorized {
				t.Fatalf("%s: answered %d %s", kinds[kind].name, answer.Code, answer.Body)
			}
		}
	}
	t.Logf("%-24s %10s %10s  %s", "", "median", "9 of 10", "z against the unknown")
	for kind, of := range times {
		against := times[0]
		if kinds[kind].read {
			against = times[len(kinds)-2] // An unknown one that is read too.
		}
		sorted := slices.Sorted(slices.Values(of))
		t.Logf("%-24s %10v %10v  %+.1f", kinds[kind].name, sorted[len(of)/2], sorted[len(of)*9/10], rankTest(of, against))
	}
}

// rankTest answers how far, in standard deviations, the one sample's ranks among both are from those of a sample of
// the same distribution: positive if its times are longer.
func rankTest(sample, against []time.Duration) float64 {
	type timed struct {
		time   time.Duration
		sample bool
	}
	var all []timed
	for _, time := range sample {
		all = append(all, timed{time, true})
	}
	for _, time := range against {
		all = append(all, timed{time, false})
	}
	slices.SortFunc(all, func(a, b timed) int { return cmp.Compare(a.time, b.time) })
	ranks := 0.0
	for rank, one := range all {
		if one.sample {
			ranks += float64(rank + 1)
		}
	}
	n, m := float64(len(sample)), float64(len(against))
	return (ranks - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
}
