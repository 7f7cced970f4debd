package oauth

import (
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of what a Ledger holds between two flushes. Beyond them it forgets, and counts what it forgot.
const (
	ledgerShards      = 16
	shardClients      = 4096 // clients of one shard
	shardRefusals     = 512  // refusals of one shard that are told in full
	clientRefusals    = 20   // of which of one client
	clientCounts      = 64   // secrets × days × outcomes of one client
	clientPermissions = 256
	batchClients      = 250 // clients that are stored at once
	maxAskedChars     = 400
	maxAskedResources = 10
)

// KeptRefusals is how many refusals are kept of each client, the last ones.
const KeptRefusals = clientRefusals

// Ledger gathers what became of token requests, until Flush hands it to a store: a token request itself writes
// nothing. It is bounded, and safe for concurrent use.
type Ledger struct {
	seed    maphash.Seed
	shards  [ledgerShards]ledgerShard
	lost    atomic.Uint64
	unknown atomic.Uint64

	flushing sync.Mutex
	turns    []string // The clients whose turn in this round is yet to come, by id.
	unsaved  *Usage   // The batch that the store has not taken; nil if there is none.
}

type ledgerShard struct {
	mu       sync.Mutex
	clients  map[string]*clientEntry
	refusals int
	_        [64]byte // Keeps the locks of two shards out of one cache line.
}

// NewLedger makes an empty Ledger.
func NewLedger() *Ledger { return &Ledger{seed: maphash.MakeSeed()} }

// Lost answers how many notes were forgotten because the Ledger was full.
func (l *Ledger) Lost() uint64 { return l.lost.Load() }

// Unknown answers how many requests were refused whose client does not exist. Nothing else is kept of them.
func (l *Ledger) Unknown() uint64 { return l.unknown.Load() }

// Asked is what a request asks for in the caller's own words, of which nothing has been judged.
type Asked struct {
	Scope     string
	Resources []string
	// Details is the authorization_details parameter.
	Details string
}

// Record notes what became of a token request: the token, or else err. The caller is the zero Caller as long as
// it has not proven itself. What is a fault of ours and no refusal leaves no note. It answers the client that it was
// about, proven or not; nil if nobody is called so.
func (i *Issuer) Record(caller Caller, from netip.Addr, asked Asked, token Token, err error) *Client {
	now := i.now()
	if err == nil {
		i.ledger.issued(caller, asked.Scope == "" && asked.Details == "", token.Scope, now)
		return caller.Client
	}
	var refusal *Error
	if !errors.As(err, &refusal) {
		return caller.Client
	}
	if refusal.Code == UseDPoPNonce {
		return refusal.client // It is a step on the way to a token.
	}
	client, secret := refusal.client, refusal.secret
	if caller.Client != nil {
		client, secret = caller.Client, caller.Secret
	}
	if client == nil {
		i.ledger.unknown.Add(1)
		return nil
	}
	i.ledger.refused(client, secret, from, asked, refusal, now)
	return client
}

// issued notes a token. It allocates only for what it sees for the first time since the last flush.
func (l *Ledger) issued(caller Caller, everything bool, scope Scope, now time.Time) {
	shard, entry := l.enter(caller.Client)
	defer shard.mu.Unlock()
	if entry == nil {
		l.lost.Add(1)
		return
	}
	secretID := ""
	if caller.Secret != nil {
		secretID = caller.Secret.ID
	}
	entry.use(secretID, caller.From, now)
	kept := entry.count(secretID, OutcomeIssued, DayOf(now))
	next := 0
	for _, permission := range scope {
		// A client gets its permissions in one order, so that the next is mostly where it is looked for first.
		at := entry.permission(permission, next)
		if at < 0 {
			kept = false
			continue
		}
		next = at + 1
		if everything {
			entry.permissions[at].included = momentOf(now)
		} else {
			entry.permissions[at].asked = momentOf(now)
		}
	}
	if !kept {
		l.lost.Add(1)
	}
}

// refused notes a refusal.
func (l *Ledger) refused(client *Client, secret *Secret, from netip.Addr, asked Asked, refusal *Error, now time.Time) {
	shard, entry := l.enter(client)
	defer shard.mu.Unlock()
	if entry == nil {
		l.lost.Add(1)
		return
	}
	secretID := ""
	if secret != nil {
		secretID = secret.ID
	}
	reason, detail := refusal.Because()
	kept := entry.count(secretID, string(reason), DayOf(now))
	if entry.refusals == nil {
		entry.refusals = new(entryRefusals)
	}
	refusals := entry.refusals
	refusals.last = LastRefusal{At: now, Code: refusal.Code, Reason: reason}
	if len(refusal.Missing) > 0 {
		refusals.last.Missing = shown(refusal.Missing[0], maxAskedChars)
	}

	told := Refusal{
		ClientID: client.ID, SecretID: secretID, At: now, From: addressText(from),
		Code: refusal.Code, Reason: reason, Detail: shown(detail, maxAskedChars),
		Scope: shown(asked.Scope, maxAskedChars), Missing: shown(refusal.Missing.String(), maxAskedChars),
	}
	for _, resource := range asked.Resources[:min(len(asked.Resources), maxAskedResources)] {
		told.Resources = append(told.Resources, shown(resource, maxAskedChars))
	}
	switch {
	case len(refusals.told) == clientRefusals:
		refusals.told[refusals.oldest] = told
		refusals.oldest = (refusals.oldest + 1) % clientRefusals
	case shard.refusals < shardRefusals:
		refusals.told = append(refusals.told, told)
		shard.refusals++
	default:
		kept = false
	}
	if !kept {
		l.lost.Add(1)
	}
}

// enter answers the client's shard, locked, and its entry there, or nil if there is no room for one.
func (l *Ledger) enter(client *Client) (*ledgerShard, *clientEntry) {
	shard := l.shard(client.ID)
	shard.mu.Lock()
	entry := shard.clients[client.ID]
	if entry == nil && len(shard.clients) < shardClients {
		entry = newClientEntry()
		if shard.clients == nil {
			shard.clients = make(map[string]*clientEntry)
		}
		shard.clients[client.ID] = entry
	}
	return shard, entry
}

// Fill answers how many clients have done something since the last flush, and for how many there is room.
func (l *Ledger) Fill() (clients, room int) {
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		clients += len(shard.clients)
		shard.mu.Unlock()
	}
	return clients, ledgerShards * shardClients
}

// Flush hands all that was gathered to the store, as [Ledger.FlushBatch] does.
func (l *Ledger) Flush(ctx context.Context, store UsageStore) error {
	for rounds := 2; rounds > 0; { // What is left of a round, and a whole one.
		over, err := l.FlushBatch(ctx, store)
		if err != nil {
			return err
		}
		if over {
			rounds--
		}
	}
	return nil
}

// FlushBatch hands the next part of what was gathered to the store, and answers whether everybody has now had a turn. What
// an unavailable store does not take is kept, and handed over again by the next call; in the meantime no more is gathered
// than there is room for. What the store refuses for another reason is lost, so that it does not hold up the rest for ever.
func (l *Ledger) FlushBatch(ctx context.Context, store UsageStore) (over bool, err error) {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if l.unsaved == nil {
		l.unsaved = l.batch()
	}
	if l.unsaved != nil {
		err = store.AddUsage(ctx, l.unsaved)
		if errors.Is(err, ErrUnavailable) || ctx.Err() != nil && err != nil {
			return false, err
		}
		clients := len(l.unsaved.Clients)
		l.unsaved = nil
		if err != nil {
			l.lost.Add(uint64(clients))
			return false, err
		}
	}
	return len(l.turns) == 0, nil
}

// batch makes the next batch; nil if there is nothing to store. A batch is made when its turn comes, for it takes more memory
// than the entries. Clients have their turns in the order of their ids, so that a batch lies in few pages of the database.
func (l *Ledger) batch() *Usage {
	if len(l.turns) == 0 {
		l.turns = l.ids()
	}
	if len(l.turns) == 0 {
		return nil
	}
	n := min(len(l.turns), batchClients)
	batch := &Usage{ID: NewID("use")}
	for _, id := range l.turns[:n] {
		l.shard(id).take(id).addTo(batch, id)
	}
	l.turns = l.turns[n:]
	return batch
}

// ids answers who has an entry, in order.
func (l *Ledger) ids() []string {
	clients, _ := l.Fill()
	ids := make([]string, 0, clients)
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		ids = slices.AppendSeq(ids, maps.Keys(shard.clients))
		shard.mu.Unlock()
	}
	slices.Sort(ids)
	return ids
}

func (l *Ledger) shard(id string) *ledgerShard {
	return &l.shards[maphash.String(l.seed, id)%ledgerShards]
}

// take removes an entry, which must be there.
func (s *ledgerShard) take(id string) *clientEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := s.clients[id]
	delete(s.clients, id)
	if entry.refusals != nil {
		s.refusals -= len(entry.refusals.told)
	}
	return entry
}
