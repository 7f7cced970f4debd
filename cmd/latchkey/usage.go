package main

import (
	"context"
	"log/slog"
	"time"
)

const (
	// lastFlushTimeout is how long a stopping server tries to store what it has gathered.
	lastFlushTimeout = 10 * time.Second
	// Between two batches of usage there is a rest of so many times as long, so that storing it takes a fiftieth of the time:
	// with 10,000 clients that ask all the time it was a quarter. No rest is longer than mostRest.
	restPerFlush = 49
	mostRest     = 5 * time.Second
)

// keepUsage stores what the issuer's ledger gathers, every so often and once more when the function it answers is
// called.
func keepUsage(core *core, interval time.Duration, log *slog.Logger) (stop func()) {
	keeper := usageKeeper{core: core, log: log}
	// It does not end with the signal to stop: requests are answered after it, and noted.
	stopFlushing := inBackground(context.Background(), func(ctx context.Context) { every(ctx, interval, keeper.flush) })
	return func() {
		stopFlushing()
		last, cancel := context.WithTimeout(context.Background(), lastFlushTimeout)
		defer cancel()
		if err := core.issuer.Ledger().Flush(last, core.db); err != nil {
			log.Error("the last usage of credentials could not be stored", "cause", err)
		}
	}
}

// every does something at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do(ctx)
		}
	}
}

// usageKeeper stores usage. Its failures are logged once, until something succeeds.
type usageKeeper struct {
	core    *core
	log     *slog.Logger
	failing bool
	lost    uint64
}

// flush stores what every client did, a batch at a time.
func (k *usageKeeper) flush(ctx context.Context) {
	for over := false; !over; {
		start := time.Now()
		var err error
		over, err = k.core.issuer.Ledger().FlushBatch(ctx, k.core.db)
		if ctx.Err() != nil {
			return // It is tried once more at the end.
		}
		if k.report(err); err != nil {
			return
		}
		if !over {
			k.rest(ctx, time.Since(start))
		}
	}
}

// rest waits in proportion to how long a batch took, unless there is soon no room to gather more.
func (k *usageKeeper) rest(ctx context.Context, took time.Duration) {
	if clients, room := k.core.issuer.Ledger().Fill(); clients >= room/2 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(took*restPerFlush, mostRest)):
	}
}

func (k *usageKeeper) report(err error) {
	if err != nil && !k.failing {
		k.log.Warn("the usage of credentials cannot be stored; it is kept and tried again", "cause", err)
	}
	k.failing = err != nil
	if lost := k.core.issuer.Ledger().Lost(); lost > k.lost {
		k.log.Error("usage of credentials was lost", "notes", lost-k.lost)
		k.lost = lost
	}
}
