package oauth

import (
	"context"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Store is what the protocol asks of a database. Its answers come from memory but are never stale.
//
// Client and Refresh first prove that the memory misses no change that was committed before the call began, and
// wrap [ErrUnavailable] when that cannot be proven: then nothing may be issued. What they answer is shared and
// must not be changed.
type Store interface {
	// Client answers the client with this id, whatever its status. It wraps ErrNotFound when there is none, or
	// when it has been deleted. Of the client it may leave out what is for administrators alone: its name, note and
	// owner, and who made or changed it or its secrets, and when; and of its keys' certificates all but the Raw DER.
	Client(ctx context.Context, id string) (*Client, error)
	// Known is Client for whoever has called Refresh: it makes no proof of its own, and asks the database only for a client
	// that is not in memory.
	Known(ctx context.Context, id string) (*Client, error)
	// Refused takes, for a client that has been refused, the time that it takes to find that there is no such client, unless
	// Client has just taken it. So nobody can tell by the time which clients there are.
	Refused(ctx context.Context, client *Client) error
	// Refresh answers when the memory holds every change committed before the call.
	Refresh(ctx context.Context) error
	// AccountsOf answers the account that each of the workspaces lies in, as it is when it is asked. Who does not
	// exist, or is no workspace, is left out.
	AccountsOf(ctx context.Context, workspaces []string) (map[string]string, error)
	// Epoch answers, like Refresh, when the memory is fresh, and a number that is another one after every change.
	Epoch(ctx context.Context) (int64, error)
	// Retired answers the places in the status list with this number of which the tokens have ended, and how many lists
	// there are. It holds every change committed before the call.
	Retired(ctx context.Context, list int64) (retired map[int64]TokenStatus, lists int64, err error)
	// Catalog answers the catalogue as the latest proof left it, without waiting.
	Catalog() *Catalog
	// Denied answers the tokens that were revoked one by one as the latest proof left them, without waiting.
	Denied() DeniedTokens
	// Keyring answers the signing keys as the latest proof left them, without waiting.
	Keyring() *Keyring
}

// Replays remembers what may be used once, across all replicas. It is the verifier's own word.
type Replays = bearer.Replays

// KeyPublisher answers the keys that clients publish themselves.
type KeyPublisher interface {
	// PublishedKeys answers the keys at a jwks_uri, from a memory that is renewed, also for the sake of a kid that it
	// does not hold; an empty kid stands for any. What it answers is shared and must not be changed.
	PublishedKeys(ctx context.Context, url, kid string) ([]jose.JSONWebKey, error)
}
