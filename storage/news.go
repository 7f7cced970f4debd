package storage

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// news is what changed since the known epoch.
type news struct {
	everything bool
	allClients bool
	clients    []string
	catalog    bool
	keys       bool
	tokens     bool
}

// catchUp makes the memory hold every change committed before the call.
func (f *Fresh) catchUp(ctx context.Context) error {
	epoch, err := f.readEpoch(ctx)
	if err != nil || epoch == f.known.Load() {
		return err
	}
	news, err := f.readNews(ctx, epoch)
	if err != nil {
		return err
	}
	// Until the end a failure leaves the known epoch as it was, and all of this happens again.
	if err := f.reload(ctx, news); err != nil {
		return err
	}
	f.clients.drop(news)
	f.known.Store(epoch)
	return nil
}

func (f *Fresh) readEpoch(ctx context.Context) (epoch int64, err error) {
	err = f.db.ask(ctx, "reading the epoch", func(ctx context.Context) error {
		return f.selectEpoch.QueryRowContext(ctx).Scan(&epoch)
	})
	if errors.Is(err, oauth.ErrNotFound) {
		err = errors.New("reading the epoch: " + sql.ErrNoRows.Error()) // It is no client that is missing.
	}
	return epoch, err
}

// readNews reads what changed from the known epoch to this one.
func (f *Fresh) readNews(ctx context.Context, epoch int64) (news, error) {
	known := f.known.Load()
	var changes []struct {
		Epoch   int64  `db:"epoch"`
		Subject string `db:"subject"`
	}
	err := f.db.ask(recurring(ctx, true), "reading what changed", func(ctx context.Context) error {
		return f.db.sql.SelectContext(ctx, &changes,
			`SELECT epoch, subject FROM changes WHERE epoch >= $1 AND epoch <= $2 ORDER BY epoch`, known, epoch)
	})
	if err != nil {
		return news{}, err
	}
	// The log must still hold the known epoch itself. Otherwise it does not reach so far back, or the database has
	// lost what this memory knows.
	if len(changes) == 0 || changes[0].Epoch != known {
		return news{everything: true, catalog: true, keys: true, tokens: true}, nil
	}
	var n news
	for _, change := range changes {
		id, isClient := strings.CutPrefix(change.Subject, subjectClient)
		switch {
		case change.Epoch == known:
		case isClient:
			n.clients = append(n.clients, id)
		case change.Subject == subjectClients:
			n.allClients = true
		case change.Subject == subjectCatalog:
			n.catalog = true
		case change.Subject == subjectKeys:
			n.keys = true
		case change.Subject == subjectTokens:
			n.tokens = true
		default: // A newer program notes what this one does not know.
			n.everything, n.catalog, n.keys, n.tokens = true, true, true, true
		}
	}
	return n, nil
}

// reload reads the snapshots that are not what they were.
func (f *Fresh) reload(ctx context.Context, news news) error {
	if news.catalog {
		catalog, err := f.db.catalog(ctx)
		if err != nil {
			return err
		}
		f.catalog.Store(catalog)
	}
	if news.keys {
		keyring, err := f.db.keyring(ctx)
		if err != nil {
			return err
		}
		f.keyring.Store(keyring)
	}
	if news.tokens {
		denied, err := f.db.denied(ctx)
		if err != nil {
			return err
		}
		f.denied.Store(&denied)
	}
	return nil
}
