package storage

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// usesMost is how many one statement notes.
	usesMost = 100
	// pruneUsesEvery is how many uses are noted between two looks for those that have ended.
	pruneUsesEvery = 256
	// pruneUsesMost is how many are forgotten at a look: more than come in between, so that the table shrinks.
	pruneUsesMost = 1024
	// pruneUsesAfter is how long after its end a use is kept. The clock of another replica may be behind ours.
	pruneUsesAfter = 10 * time.Minute
)

// Replays remembers in the database, for all replicas together, what has been used. It is safe for concurrent use.
//
// Uses that wait share one statement: while it is under way, newcomers gather for the next. A commit to the disk is most
// of what a use costs; with 64 at a time, a token by private_key_jwt took a third as long this way on SQLite.
type Replays struct {
	db *DB

	mu      sync.Mutex
	waiting []*uses // For the next statement, the one after it, and so on; each but the last is full.
	noting  bool
	noted   int // Since the last look for those that have ended. Only the noting goroutine knows it.
}

// uses are noted by one statement.
type uses struct {
	rows  []useRow
	done  chan struct{}
	first map[string]bool // The ids that nobody has used before; set, as err is, when done is closed.
	err   error
}

type useRow struct {
	ID        string `db:"id"`
	ExpiresAt moment `db:"expires_at"`
}

var _ oauth.Replays = (*Replays)(nil)

// NewReplays makes a memory of uses in the database.
func NewReplays(db *DB) *Replays { return &Replays{db: db} }

// Use implements oauth.Replays. The primary key decides which of several is the first.
func (r *Replays) Use(ctx context.Context, id string, until time.Time) (first bool, err error) {
	uses, isNew := r.join(id, until)
	select {
	case <-uses.done:
		return isNew && uses.first[id], uses.err
	case <-ctx.Done():
		return false, r.db.failure(ctx, "noting a use", ctx.Err())
	}
}

// join adds a use to those that a statement to come notes, and answers whether the same is not among them already.
func (r *Replays) join(id string, until time.Time) (last *uses, isNew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.waiting); n == 0 || len(r.waiting[n-1].rows) == usesMost {
		r.waiting = append(r.waiting, &uses{done: make(chan struct{})})
	}
	last = r.waiting[len(r.waiting)-1]
	isNew = !slices.ContainsFunc(last.rows, func(row useRow) bool { return row.ID == id })
	if isNew {
		last.rows = append(last.rows, useRow{id, moment{until}})
	}
	if !r.noting {
		r.noting = true
		go r.note()
	}
	return last, isNew
}

// note notes what has gathered, again and again until nothing has. Nobody who waits can end it for the others.
func (r *Replays) note() {
	ctx := context.Background()
	for uses := r.take(); uses != nil; uses = r.take() {
		uses.first, uses.err = r.insert(ctx, uses.rows)
		close(uses.done)
		if r.noted += len(uses.rows); r.noted >= pruneUsesEvery {
			r.noted = 0
			// The uses are noted. What cannot be forgotten now is forgotten the next time.
			_ = r.prune(ctx)
		}
	}
}

// take answers the uses that have waited longest, so that who comes from now on waits for a later statement. Whoever is
// ready to ask may do so first: where the processor is busy, all who asked while a statement was under way are ready when
// it ends. Over paired runs of 64 connections on SQLite, a token by private_key_jwt took a third less of the processor.
func (r *Replays) take() *uses {
	runtime.Gosched()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noting = len(r.waiting) > 0
	if !r.noting {
		return nil
	}
	next := r.waiting[0]
	r.waiting = r.waiting[1:]
	return next
}

// insert answers which ids are new. They go in in their order, so that the statements of two replicas cannot wait for
// each other.
func (r *Replays) insert(ctx context.Context, rows []useRow) (first map[string]bool, err error) {
	slices.SortFunc(rows, func(a, b useRow) int { return strings.Compare(a.ID, b.ID) })
	first = make(map[string]bool, len(rows))
	err = r.db.ask(ctx, "noting a use", func(ctx context.Context) error {
		statement, values, err := r.db.sql.BindNamed(
			`INSERT INTO used_ids (id, expires_at) VALUES (:id, :expires_at) ON CONFLICT (id) DO NOTHING RETURNING id`, rows)
		if err != nil {
			return err
		}
		var ids []string
		err = r.db.sql.SelectContext(ctx, &ids, statement, values...)
		for _, id := range ids {
			first[id] = true
		}
		return err
	})
	return first, err
}

func (r *Replays) prune(ctx context.Context) error {
	_, err := r.db.prune(ctx, "forgetting uses", pruneUsesMost, []pruning{
		{`DELETE FROM used_ids WHERE id IN (SELECT id FROM used_ids WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2)`,
			moment{r.db.now().Add(-pruneUsesAfter)}},
	})
	return err
}
