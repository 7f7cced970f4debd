package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/oauth"
)

var _ oauth.Store = (*Fresh)(nil)

// Fresh is a memory of what the token path reads, and never stale: what it answers holds every change that was
// committed before the question was asked, by whichever replica. It is safe for concurrent use.
//
// Every change moves the epoch (tx.go). So a memory is fresh if it has dropped all that changed up to an epoch that
// was read after the question was asked. Questions share such a read: while one is under way, newcomers gather for
// the next, as a database groups commits. However many ask, a replica reads one small row at a time.
//
// What makes the answers right:
//
//  1. Epochs are committed in their order, and a read answers at least the last epoch committed before it began.
//  2. If the epoch has moved, everything that the log names in between is dropped, and catalogue and keys are read
//     again, before anybody is told that the memory is fresh. If the log does not reach back to the known epoch,
//     all is dropped. If any of this fails, nobody is told.
//  3. A client is noted in the memory before it is read. A change committed before that note is in what is read; a
//     later one moves the epoch, so a later proof finds the note and drops it.
//  4. A reader looks in the memory after its proof. By 3 it finds either a note from after the change that it must
//     not miss, or none, and then makes one.
//
// Nothing of this depends on clocks, nor on one replica hearing of another.
type Fresh struct {
	db      *DB
	timeout time.Duration

	mu      sync.Mutex
	next    *batch // Those who wait for the next proof; nil if nobody does.
	proving bool

	// known is the epoch the memory is proven for. Only the proving goroutine sets it.
	known       atomic.Int64
	selectEpoch *sqlx.Stmt

	clients      *clientCache
	shuffle      shuffle
	selectClient *sqlx.Stmt
	loads        chan struct{}

	catalog atomic.Pointer[oauth.Catalog]
	keyring atomic.Pointer[oauth.Keyring]
	denied  atomic.Pointer[oauth.DeniedTokens]
}

// FreshConfig is what a Fresh is made of.
type FreshConfig struct {
	// Clients is how many clients are remembered at most; zero for 100,000.
	Clients int
	// Timeout is how long a question may wait for the database; zero for 2 seconds.
	Timeout time.Duration
	// Conns is the number of connections, of its own, from 2; zero for 4. One is always left to the proofs, so that
	// neither administrators nor unknown clients can keep a token waiting.
	Conns int
}

// NewFresh makes a Fresh with the catalogue and the keyring as they are. The database must be migrated; there need
// not be a key yet.
func NewFresh(ctx context.Context, db *DB, config FreshConfig) (*Fresh, error) {
	const defaultClients, defaultTimeout, defaultConns = 100_000, 2 * time.Second, 4
	if config.Clients == 0 {
		config.Clients = defaultClients
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	if config.Conns == 0 {
		config.Conns = defaultConns
	}
	if config.Clients < 1 || config.Timeout < 0 || config.Conns < 2 {
		return nil, errors.New("making a memory of the database: Clients, Timeout and Conns must be positive, Conns at least 2")
	}
	own, err := db.aside(config.Conns)
	if err != nil {
		return nil, fmt.Errorf("making a memory of the database: %w", err)
	}
	f := &Fresh{
		db: own, timeout: config.Timeout,
		clients: newClientCache(config.Clients),
		loads:   make(chan struct{}, config.Conns-1),
	}
	if err := f.start(ctx); err != nil {
		own.Close()
		return nil, err
	}
	return f, nil
}

func (f *Fresh) start(ctx context.Context) error {
	err := f.db.ask(ctx, "preparing to read tokens' clients", func(ctx context.Context) (err error) {
		if f.selectEpoch, err = f.db.sql.PreparexContext(ctx, `SELECT value FROM epoch WHERE id = 1`); err != nil {
			return err
		}
		f.selectClient, err = f.db.sql.PreparexContext(ctx, selectClient)
		return err
	})
	if err != nil {
		return err
	}
	if f.shuffle, err = f.db.readShuffle(ctx); err != nil {
		return err
	}
	known, err := f.readEpoch(ctx)
	if err != nil {
		return err
	}
	f.known.Store(known)
	return f.reload(ctx, news{catalog: true, keys: true, tokens: true})
}

// Close lets go of the connections. Nothing may be asked any more.
func (f *Fresh) Close() error { return f.db.Close() }

// Client implements oauth.Store.
func (f *Fresh) Client(ctx context.Context, id string) (*oauth.Client, error) {
	if err := f.Refresh(ctx); err != nil {
		return nil, err
	}
	return f.Known(ctx, id)
}

// Known implements oauth.Store.
func (f *Fresh) Known(ctx context.Context, id string) (*oauth.Client, error) {
	if !plausible(id) {
		return nil, fmt.Errorf("client: %w", oauth.ErrNotFound)
	}
	client, entry, isNew := f.clients.find(id)
	if client != nil {
		return client, nil
	}
	if isNew {
		go f.load(strings.Clone(id), entry) // The text may be a part of a header, with the secret in it, and is kept.
	}
	select {
	case <-entry.done:
		return entry.client, entry.err
	case <-ctx.Done():
		return nil, fmt.Errorf("reading client %q: %w", id, ctx.Err())
	}
}

// Refused implements oauth.Store: it looks for a client that cannot exist.
func (f *Fresh) Refused(ctx context.Context, client *oauth.Client) error {
	if f.clients.justRead(client.ID) {
		return nil
	}
	nobody := &entry{done: make(chan struct{})}
	go f.load("", nobody)
	select {
	case <-nobody.done:
		if errors.Is(nobody.err, oauth.ErrNotFound) {
			return nil
		}
		return nobody.err
	case <-ctx.Done():
		return fmt.Errorf("reading no client: %w", ctx.Err())
	}
}

// plausible reports whether there could be a client with this id: it must have 1 to 255 of the characters of
// RFC 6749 appendix A.1.
func plausible(id string) bool {
	const maxIDChars = 255
	beyond := func(char rune) bool { return char < 0x20 || char > 0x7e }
	return id != "" && len(id) <= maxIDChars && !strings.ContainsFunc(id, beyond)
}

// load reads the client of an entry, for everybody who waits for it: none of their contexts can end it.
func (f *Fresh) load(id string, entry *entry) {
	ctx, cancel := context.WithTimeout(context.Background(), f.timeout)
	defer cancel()
	select {
	case f.loads <- struct{}{}:
		defer func() { <-f.loads }()
	case <-ctx.Done():
		f.clients.settle(id, entry, nil, fmt.Errorf("reading client %q: %w: too many others are read", id, oauth.ErrUnavailable))
		return
	}
	var client *oauth.Client
	err := f.db.ask(ctx, fmt.Sprintf("reading client %q", id), func(ctx context.Context) error {
		var rows []*joinedRow
		err := f.selectClient.SelectContext(ctx, &rows, id)
		if err == nil {
			client, err = only(rows)
		}
		if err == nil {
			client.StatusPlace = f.shuffle.place(rows[0].Slot)
		}
		return err
	})
	f.clients.settle(id, entry, client, err)
}

// AccountsOf implements oauth.Store. It asks the database each time, and leaves a connection to the proofs.
func (f *Fresh) AccountsOf(ctx context.Context, workspaces []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	select {
	case f.loads <- struct{}{}:
		defer func() { <-f.loads }()
	case <-ctx.Done():
		return nil, fmt.Errorf("reading workspaces: %w: too many others are read", oauth.ErrUnavailable)
	}
	return f.db.accountsOf(ctx, workspaces)
}

// Epoch implements oauth.Store.
func (f *Fresh) Epoch(ctx context.Context) (int64, error) {
	err := f.Refresh(ctx)
	return f.known.Load(), err
}

// Catalog implements oauth.Store.
func (f *Fresh) Catalog() *oauth.Catalog { return f.catalog.Load() }

// Denied implements oauth.Store.
func (f *Fresh) Denied() oauth.DeniedTokens { return *f.denied.Load() }

// Keyring implements oauth.Store.
func (f *Fresh) Keyring() *oauth.Keyring { return f.keyring.Load() }
