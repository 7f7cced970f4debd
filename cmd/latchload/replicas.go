package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// The replicas take turns on the core of the server: each runs for one turn of a round and stands still for the rest. So each
// has a machine of its own, that is as many times slower, and two cores have room for them all. It shows what replicas cost each
// other, which is nothing but what the database does for them; to the database they are no more than one replica at full speed.
const (
	turnsOfRound = 10
	turn         = 5 * time.Millisecond
)

// replicasCommand is latchload replicas.
type replicasCommand struct {
	Program     string        `arg:"" type:"existingfile" help:"The server program."`
	Replicas    []int         `default:"1,2,4,8" help:"How many replicas share the PostgreSQL, in turn; at most 10."`
	Credentials int64         `default:"1000" help:"How many credentials ask."`
	Connections int           `default:"16" short:"c" help:"How many connections each replica has."`
	Duration    time.Duration `default:"5s" short:"d" help:"For how long each time."`
	Rounds      int           `default:"3" help:"How many times."`
}

// Run measures how tokens grow with replicas, and prints a Markdown table.
func (c *replicasCommand) Run(ctx context.Context, stdout io.Writer) error {
	most := 0
	for _, n := range c.Replicas {
		if n < 1 || n > turnsOfRound {
			return fmt.Errorf("the number of replicas must be from 1 to %d", turnsOfRound)
		}
		most = max(most, n)
	}
	if !canPin() {
		return errors.New("this needs two cores, and taskset")
	}
	if err := pinSelf(); err != nil {
		return err
	}
	runtime.GOMAXPROCS(2) // Turns must end in time, whatever the load does.
	folder, err := os.MkdirTemp("", "latchload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	first, err := newStage(ctx, c.Program, "postgres", c.Credentials, c.Credentials, folder)
	if err != nil {
		return err
	}
	defer first.close()
	stages := []*stage{first}
	for len(stages) < most {
		replica := *first
		replica.cluster = nil
		own, err := os.MkdirTemp(folder, "replica-")
		if err != nil {
			return err
		}
		if replica.process, err = startProcess(ctx, c.Program, first.address, own); err != nil {
			return err
		}
		defer replica.close()
		stages = append(stages, &replica)
	}
	for _, s := range stages { // Each remembers each client.
		if _, err := s.tokens(ctx, bySecret, c.Connections, time.Minute, c.Credentials); err != nil {
			return err
		}
	}

	fmt.Fprint(stdout, "| round | replicas | tokens/s | times one |\n|--:|--:|--:|--:|\n")
	for round := range c.Rounds {
		one := 0.
		for _, n := range c.Replicas {
			perSecond, err := c.measure(ctx, stages[:n])
			if err != nil {
				return err
			}
			if one == 0 {
				one = perSecond / float64(n)
			}
			fmt.Fprintf(stdout, "| %d | %d | %.0f | %.1f |\n", round+1, n, perSecond, perSecond/one)
		}
	}
	return nil
}

// measure asks all replicas at once, as a proxy would that gives each connection to the next of them.
func (c *replicasCommand) measure(ctx context.Context, replicas []*stage) (perSecond float64, err error) {
	turns, end := context.WithCancel(ctx)
	var stopped sync.WaitGroup
	stopped.Go(func() { takeTurns(turns, replicas) })
	var wait sync.WaitGroup
	results, errs := make([]*result, len(replicas)), make([]error, len(replicas))
	for i, replica := range replicas {
		wait.Go(func() { results[i], errs[i] = replica.tokens(ctx, bySecret, c.Connections, c.Duration, maxCount) })
	}
	wait.Wait()
	end()
	stopped.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	for _, r := range results {
		perSecond += r.perSecond()
	}
	return perSecond, nil
}

// takeTurns lets one replica after the other run, until ctx ends.
func takeTurns(ctx context.Context, replicas []*stage) {
	signal := func(i int, signal os.Signal) {
		if i < len(replicas) {
			replicas[i].command.Process.Signal(signal)
		}
	}
	for i := range replicas {
		signal(i, syscall.SIGSTOP)
		defer signal(i, syscall.SIGCONT)
	}
	for i := 0; ctx.Err() == nil; i = (i + 1) % turnsOfRound {
		signal(i, syscall.SIGCONT)
		time.Sleep(turn)
		signal(i, syscall.SIGSTOP)
	}
}
