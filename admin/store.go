package admin

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Store is what an administrator's work asks of a database. It reads the database itself, not a memory of it.
//
// Every change takes the Event that tells of it and commits both or neither, and makes every replica drop what it
// remembers of the thing before the replica's next token. Errors wrap oauth.ErrNotFound, oauth.ErrConflict (a
// unique value is taken) or oauth.ErrUnavailable (the database cannot be asked); any other is a fault of ours.
type Store interface {
	ClientStore
	CatalogStore
	TenantStore
	KeyStore
	AnswerStore
	OperatorStore
	TrailStore
	// Transact lets work read and write through the Store it is given while no other writer can touch anything, and
	// commits all that was written. If work answers an error, nothing has happened, and the error is answered as it
	// is. Within the work, another Transact is a part of the first.
	Transact(ctx context.Context, work func(context.Context, Store) error) error
	UsageStore
	// Bootstrapped answers whether Bootstrap has ever registered a client.
	Bootstrapped(ctx context.Context) (bool, error)
	// Bootstrap registers the installation's first client, exactly once in the installation's life, and answers
	// whether it did. The client joins the oldest org; if there is no org, home is made for it.
	Bootstrap(ctx context.Context, client *oauth.Client, home oauth.Tenant, event Event) (bool, error)
}

// ClientStore keeps clients.
type ClientStore interface {
	// Client answers a client with all its secrets, as stored.
	Client(ctx context.Context, id string) (*oauth.Client, error)
	// Clients answers those that match, in the query's order.
	Clients(ctx context.Context, query ClientQuery) ([]ClientRow, error)
	// Holders answers the clients that hold such a grant, ordered by id.
	Holders(ctx context.Context, query HolderQuery) ([]oauth.Client, error)
	// ClientOfSecret answers the client_id of the client that keeps a secret with this hash, usable or not.
	ClientOfSecret(ctx context.Context, hash oauth.SecretHash) (string, error)
	CreateClient(ctx context.Context, client *oauth.Client, event Event) error
	// UpdateClient lets change work on the client while no other writer can touch it, and stores the result with
	// the Event that change answers. If change answers no Event, nothing is stored. An error of change is
	// answered as it is. A status of oauth.StatusDeleted leaves a tombstone: secrets and grants are gone for good.
	UpdateClient(ctx context.Context, id string, change func(*oauth.Client) (*Event, error)) error
}

// UsageStore answers what clients did. It is written by an oauth.UsageStore.
type UsageStore interface {
	// Usages answers what is shown of each client, by its id, on the day that is today's.
	Usages(ctx context.Context, ids []string, today oauth.Day) (map[string]ClientUsage, error)
	// Usage answers all that is kept of a client, the days from the one named.
	Usage(ctx context.Context, id string, from oauth.Day) (*UsageDetail, error)
}

// CatalogStore keeps APIs.
type CatalogStore interface {
	// API answers the API with this key.
	API(ctx context.Context, key string) (*oauth.API, error)
	// APIs answers all, ordered by key.
	APIs(ctx context.Context) ([]oauth.API, error)
	// PutAPI stores the API whether or not it was there. It ignores Version, and counts it up.
	PutAPI(ctx context.Context, api oauth.API, event Event) error
	// DeleteAPI deletes the API. It fails while anybody holds a grant of it.
	DeleteAPI(ctx context.Context, key string, event Event) error
}

// TenantStore keeps the tree.
type TenantStore interface {
	// Tenant answers one tenant with the number of its children.
	Tenant(ctx context.Context, id string) (*TenantRow, error)
	// Tenants answers those that match, ordered by name and id.
	Tenants(ctx context.Context, query TenantQuery) ([]TenantRow, error)
	// TenantsByID answers those of the ids that exist, in no order.
	TenantsByID(ctx context.Context, ids []string) ([]oauth.Tenant, error)
	// PutTenant stores the tenant whether or not it was there. It ignores Version, and counts it up. It wraps
	// oauth.ErrConflict if a deleted tenant of this id had another level or parent.
	PutTenant(ctx context.Context, tenant oauth.Tenant, event Event) error
	// DeleteTenant deletes the tenant. It fails while the tenant has children, clients or operators, or is named by a
	// grant.
	DeleteTenant(ctx context.Context, id string, event Event) error
}

// KeyStore keeps signing keys.
type KeyStore interface {
	// SigningKeys answers all keys, in the order in which they were made, without their private halves.
	SigningKeys(ctx context.Context) ([]oauth.SigningKey, error)
	// UpdateKeys lets change answer what the keys should be while no other writer can touch them, and stores that:
	// keys that are new with their private halves sealed, the times of those that were there; those that are missing
	// are destroyed. If change answers no Events, nothing is stored. An error of change is answered as it is.
	UpdateKeys(ctx context.Context, change func([]oauth.SigningKey) ([]oauth.SigningKey, []Event, error)) error
}

// AnswerStore keeps, for a while, what requests were answered, so that a repeated one can be answered the same. It
// changes nothing that anybody else sees: it takes no Event.
type AnswerStore interface {
	// ClaimAnswer stores the claim unless there is one with its ID that has not ended by now. It answers the one
	// that is stored then, which is the caller's own if it holds the caller's Attempt. Who claims forgets a little
	// of what has ended, and the actor's oldest answers beyond keep.
	ClaimAnswer(ctx context.Context, claim KeptAnswer, now time.Time, keep int) (KeptAnswer, error)
	// KeepAnswer stores the answer of a claim, and its new end, if the claim is still the attempt's.
	KeepAnswer(ctx context.Context, claim KeptAnswer) error
	// DropAnswer gives up a claim that is still the attempt's.
	DropAnswer(ctx context.Context, claim KeptAnswer) error
}

// KeptAnswer is what is kept of a request that can be repeated.
type KeptAnswer struct {
	// ID stands for the request's key, and for its actor.
	ID []byte
	// Actor is whose request it is.
	Actor string
	// Fingerprint tells one request from another.
	Fingerprint []byte
	// Attempt is who works on it, or has.
	Attempt string
	// Answer is sealed; nil while the request is worked on.
	Answer []byte
	// ExpiresAt is when it is forgotten.
	ExpiresAt time.Time
}

// OperatorStore keeps operators and their sessions. No memory of the token path holds them.
type OperatorStore interface {
	// Operator answers the operator with this id.
	Operator(ctx context.Context, id string) (*Operator, error)
	// OperatorByEmail answers the one who signs in with the address, which is in lower case.
	OperatorByEmail(ctx context.Context, email string) (*Operator, error)
	// OperatorByUpstream answers the one whom another provider knows as this person.
	OperatorByUpstream(ctx context.Context, upstream Upstream) (*Operator, error)
	// OperatorByToken answers the one whose password the token with this hash sets, even if it has expired.
	OperatorByToken(ctx context.Context, hash oauth.SecretHash) (*Operator, error)
	// Operators answers those that match, ordered by name and id.
	Operators(ctx context.Context, query OperatorQuery) ([]Operator, error)
	CreateOperator(ctx context.Context, operator *Operator, event Event) error
	// UpdateOperator lets change work on the operator while no other writer can touch it, and stores the result with
	// the Event that change answers. If change answers no Event, nothing is stored. An error of change is answered as
	// it is. A status of oauth.StatusDeleted removes the operator. Who can no longer sign in, or has another password,
	// has no sessions any more. It wraps ErrLastAdmin, and changes nothing, if somebody in the whole installation
	// could manage operators, and then nobody can: neither an operator nor a program.
	UpdateOperator(ctx context.Context, id string, change func(*Operator) (*Event, error)) error

	// CreateSession stores the session and that the operator has signed in. It wraps oauth.ErrNotFound if the
	// operator's password is no longer the one with this hash, or it may no longer sign in. Of an operator's sessions
	// the newest few are kept.
	CreateSession(ctx context.Context, session Session, passwordHash string, event Event) error
	// Session answers a session and, as it is now, its operator.
	Session(ctx context.Context, hash oauth.SecretHash) (*Session, *Operator, error)
	// UseSession notes when a session was last used. It is bookkeeping, and leaves no Event.
	UseSession(ctx context.Context, hash oauth.SecretHash, at time.Time) error
	// DeleteSession ends a session. It wraps oauth.ErrNotFound if there is none.
	DeleteSession(ctx context.Context, hash oauth.SecretHash, event Event) error
	// DeleteSessions ends all sessions of an operator.
	DeleteSessions(ctx context.Context, operatorID string, event Event) error
}

// TrailStore keeps the events and their chain.
type TrailStore interface {
	// Events answers the audit trail in the query's order.
	Events(ctx context.Context, query EventQuery) ([]EventRow, error)
	// AddEvent stores an event that tells of no change, such as a refusal.
	AddEvent(ctx context.Context, event Event) error
	ChainStore
}

// ChainStore keeps the chain of events.
type ChainStore interface {
	ChainHead(ctx context.Context) (ChainHead, error)
	// Links answers the links after this one, or from the first, in their order.
	Links(ctx context.Context, after *Link, limit int) ([]Link, error)
	// AddCheckpoint stores a checkpoint, unless there is one of the same event. It is part of the trail, and leaves no
	// Event.
	AddCheckpoint(ctx context.Context, checkpoint Checkpoint) error
	Checkpoints(ctx context.Context, query CheckpointQuery) ([]Checkpoint, error)
}

// ClientQuery says which clients to answer. The zero value of a field does not narrow.
type ClientQuery struct {
	// Org narrows to one org.
	Org    string
	Status oauth.Status
	// Name narrows to the client that has exactly this name.
	Name string
	// Search narrows to names and client_ids that contain it, whatever the case of ASCII letters.
	Search string
	// API narrows to clients with a grant of it, and Permission to those of which it names this one.
	API        string
	Permission string
	// Places narrows to clients that are granted something at one of these tenants or, if PlacesIn is not empty, at a
	// child of that one.
	Places   []string
	PlacesIn string
	// UnusedFor, SecretExpiresWithin and Attention are those of a ClientFilter, as of Now.
	UnusedFor           time.Duration
	SecretExpiresWithin time.Duration
	Attention           Attention
	Now                 time.Time
	Sort                ClientSort
	// After is the last row of the page before.
	After *ClientPosition
	// Limit is the greatest number of rows; it must be positive.
	Limit int
}

// HolderQuery says which grants are meant. The zero value of a field does not narrow.
type HolderQuery struct {
	// API narrows to grants of one API. Permissions narrows them to those that name any of these, and Several to those
	// that name more than one; both together mean either.
	API         string
	Permissions []string
	Several     bool
	// Tenant narrows to grants that name this tenant.
	Tenant string
	// Limit is the greatest number of clients; it must be positive.
	Limit int
}

// ClientSort is an order of clients. The client_id breaks ties.
type ClientSort string

// The orders; a leading minus turns one round.
const (
	ByName        ClientSort = "name"
	ByNameDown    ClientSort = "-name"
	ByCreated     ClientSort = "created_at"
	ByCreatedDown ClientSort = "-created_at"
	ByUsed        ClientSort = "last_used_at" // Those never used come first.
	ByUsedDown    ClientSort = "-last_used_at"
)

// ClientPosition is a client's place in an order: the value it was sorted by, and its id.
type ClientPosition struct {
	Name      string    `json:"n,omitzero"`
	CreatedAt time.Time `json:"c,omitzero"`
	UsedAt    time.Time `json:"u,omitzero"`
	ID        string    `json:"i"`
}

// ClientRow is a client with its place in the order of the list it is answered in.
type ClientRow struct {
	oauth.Client
	Position ClientPosition
}

// ClientsOf answers the clients of a list's rows.
func ClientsOf(rows []ClientRow) []oauth.Client {
	clients := make([]oauth.Client, len(rows))
	for i := range rows {
		clients[i] = rows[i].Client
	}
	return clients
}

// TenantQuery says which tenants to answer. The zero value of a field does not narrow.
type TenantQuery struct {
	// Org narrows to one org and what lies in it.
	Org string
	// Parent narrows to the children of a tenant; Roots to the orgs.
	Parent string
	Roots  bool
	// Name narrows to tenants of exactly this name.
	Name string
	// Search narrows to names and ids that contain it, whatever the case of ASCII letters.
	Search string
	After  *TenantPosition
	Limit  int
}

// TenantPosition is a tenant's place in the order by name and id.
type TenantPosition struct {
	Name string `json:"n"`
	ID   string `json:"i"`
}

// TenantRow is a tenant and the number of its children.
type TenantRow struct {
	oauth.Tenant
	Children int
}

// EventQuery says which events to answer. The zero value of a field does not narrow.
type EventQuery struct {
	Org    string
	Actor  string // The id of one.
	Action string
	Target string
	// From is the earliest time, To the first that is too late.
	From, To time.Time
	// Before is the last row of the page before. After, if not nil, is the last row of the part before, and turns the
	// order round: the oldest event comes first.
	Before int64
	After  *int64
	Limit  int
}

// EventRow is an Event with its place in the chain.
type EventRow struct {
	Event
	Sequence int64
	// Hash is nil for an event from before there was a chain.
	Hash []byte
}

// CheckpointQuery says which checkpoints to answer, the newest first.
type CheckpointQuery struct {
	// Before is the last row of the page before; 0 for none. After, if not nil, turns the order round: the oldest of
	// those after it comes first.
	Before int64
	After  *int64
	Limit  int
}

// OperatorQuery says which operators to answer. The zero value of a field does not narrow.
type OperatorQuery struct {
	Org string
	// Search narrows to names and e-mail addresses that contain it, whatever the case of ASCII letters.
	Search string
	After  *OperatorPosition
	Limit  int
}

// OperatorPosition is an operator's place in the order by name and id.
type OperatorPosition struct {
	Name string `json:"n"`
	ID   string `json:"i"`
}
