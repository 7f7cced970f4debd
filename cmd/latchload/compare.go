package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// compareCommand is latchload compare. Both programs run all the time, and only one of them is asked at a time, so
// that what disturbs the machine disturbs both alike.
type compareCommand struct {
	A           string        `arg:"" type:"existingfile" help:"The one server program."`
	B           string        `arg:"" type:"existingfile" help:"The other."`
	Database    string        `default:"sqlite" enum:"sqlite,postgres" help:"The database."`
	Credentials int64         `default:"10000" help:"How many credentials ask."`
	Method      string        `default:"secret" enum:"secret,private_key_jwt,dpop" help:"How they ask."`
	Connections int           `default:"64" short:"c" help:"How many connections to keep busy."`
	Pairs       int           `default:"7" help:"How many times both are measured."`
	Duration    time.Duration `default:"2s" short:"d" help:"For how long each time."`
}

// Run measures the programs in turn and prints, of each pair, what B does for what A does.
func (c *compareCommand) Run(ctx context.Context, stdout io.Writer) error {
	if err := pinSelf(); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "latchload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var stages [2]*stage
	for i, program := range []string{c.A, c.B} {
		if stages[i], err = newStage(ctx, program, c.Database, c.Credentials, c.Credentials, folder); err != nil {
			return err
		}
		defer stages[i].close()
		stages[i].awake = canPin()
		if _, err = stages[i].tokens(ctx, c.Method, 16, time.Minute, c.Credentials); err != nil {
			return err
		}
	}
	var rates, costs []float64
	for pair := range c.Pairs {
		var seen [2]measurement
		for turn := range stages {
			i := (turn + pair) % 2 // Neither always goes first.
			if seen[i], err = stages[i].measure(ctx, c.Method, c.Connections, c.Duration); err != nil {
				return err
			}
		}
		a, b := seen[0], seen[1]
		rates = append(rates, b.perSecond()/a.perSecond())
		costs = append(costs, float64(b.cpu)/float64(a.cpu))
		fmt.Fprintf(stdout, "%6.0f → %6.0f tokens/s (%+.1f %%), CPU %s → %s (%+.1f %%), %.0f → %.0f allocations, %.0f → %.0f MiB\n",
			a.perSecond(), b.perSecond(), 100*(rates[pair]-1), a.cpu, b.cpu, 100*(costs[pair]-1),
			a.allocations, b.allocations, a.resident/(1<<20), b.resident/(1<<20))
	}
	slices.Sort(rates)
	slices.Sort(costs)
	fmt.Fprintf(stdout, "median of %d pairs: %+.1f %% tokens/s, %+.1f %% CPU a token\n",
		c.Pairs, 100*(rates[len(rates)/2]-1), 100*(costs[len(costs)/2]-1))
	return nil
}
