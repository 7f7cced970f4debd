package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	pruneInterval = 10 * time.Minute
	pruneRows     = 2000 // at a time
	pruneRounds   = 100  // in a row
)

// prune forgets what is too old and what nobody needs any longer, every so often until ctx ends.
func prune(ctx context.Context, core *core, log *slog.Logger) {
	every(ctx, pruneInterval, func(ctx context.Context) {
		oldest := oauth.DayOf(now()) - admin.KeptDays + 1
		err := pruneAll(ctx, func(ctx context.Context) (bool, error) { return core.db.PruneUsage(ctx, oldest, pruneRows) })
		if err == nil {
			err = pruneAll(ctx, func(ctx context.Context) (bool, error) { return core.db.Prune(ctx, pruneRows) })
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("what is old cannot be deleted; it is tried again later", "cause", err)
		}
	})
}

func pruneAll(ctx context.Context, some func(context.Context) (more bool, err error)) error {
	for range pruneRounds {
		if more, err := some(ctx); err != nil || !more {
			return err
		}
	}
	return nil
}
