package oauth

import (
	"context"
	"errors"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

// The limits of what a Ledger holds between two flushes. Beyond them it forgets, and counts what it forgot.
const (
	ledgerShards      = 16
	shardClients      = 4096 // clients of one shard
	shardRefusals     = 512  // refusals of one shard that are told in full
	clientRefusals    = 20   // of which of one client
	clientCounts      = 64   // secrets × days × outcomes of one client
	clientPermissions = 256
	batchClients      = 1000 // clients that are stored at once
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
	unsaved  []*Usage
}

type ledgerShard struct {
	mu       sync.Mutex
	clients  map[string]*clientEntry
	refusals int
	_        [64]byte // Keeps the locks of two shards out of one cache line.
}

// clientEntry is what one client did since the last flush.
type clientEntry struct {
	issuedAt    time.Time
	issuedTo    netip.Addr
	refused     LastRefusal
	counts      []entryCount
	secrets     []entrySecret
	permissions []entryPermission
	refusals    []Refusal
	oldest      int // Where the next refusal goes, once the list is full.
}

type entryCount struct {
	secretID string
	outcome  string
	day      Day
	n        int64
}

type entrySecret struct {
	id   string
	at   time.Time
	from netip.Addr
}

type entryPermission struct {
	scope           string
	asked, included time.Time
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
}

// Record notes what became of a token request: the token, or else err. The caller is the zero Caller as long as
// it has not proven itself. What is a fault of ours and no refusal leaves no note.
func (i *Issuer) Record(caller Caller, from netip.Addr, asked Asked, token Token, err error) {
	now := i.now()
	if err == nil {
		i.ledger.issued(caller, asked.Scope == "", token.Scope, now)
		return
	}
	var refusal *Error
	if !errors.As(err, &refusal) {
		return
	}
	client, secret := refusal.client, refusal.secret
	if caller.Client != nil {
		client, secret = caller.Client, caller.Secret
	}
	if client == nil {
		i.ledger.unknown.Add(1)
		return
	}
	i.ledger.refused(client, secret, from, asked, refusal, now)
}

// issued notes a token. It allocates only for what it sees for the first time since the last flush.
func (l *Ledger) issued(caller Caller, everything bool, scope Scope, now time.Time) {
	shard, entry := l.enter(caller.Client)
	defer shard.mu.Unlock()
	if entry == nil {
		l.lost.Add(1)
		return
	}
	entry.issuedAt, entry.issuedTo = now, caller.From
	secretID := ""
	if caller.Secret != nil {
		secretID = caller.Secret.ID
		entry.useSecret(secretID, caller.From, now)
	}
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
			entry.permissions[at].included = now
		} else {
			entry.permissions[at].asked = now
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
	secretID, outcome := "", string(refusal.Reason)
	if secret != nil {
		secretID = secret.ID
	}
	if outcome == "" {
		outcome = string(refusal.Code)
	}
	kept := entry.count(secretID, outcome, DayOf(now))
	entry.refused = LastRefusal{At: now, Code: refusal.Code, Reason: Reason(outcome)}
	if len(refusal.Missing) > 0 {
		entry.refused.Missing = shown(refusal.Missing[0], maxAskedChars)
	}

	told := Refusal{
		ClientID: client.ID, SecretID: secretID, At: now, From: addressText(from),
		Code: refusal.Code, Reason: Reason(outcome), Detail: refusal.Description,
		Scope: shown(asked.Scope, maxAskedChars), Missing: shown(refusal.Missing.String(), maxAskedChars),
	}
	if refusal.Err != nil {
		told.Detail = shown(refusal.Err.Error(), maxAskedChars)
	}
	for _, resource := range asked.Resources[:min(len(asked.Resources), maxAskedResources)] {
		told.Resources = append(told.Resources, shown(resource, maxAskedChars))
	}
	switch {
	case len(entry.refusals) == clientRefusals:
		entry.refusals[entry.oldest] = told
		entry.oldest = (entry.oldest + 1) % clientRefusals
	case shard.refusals < shardRefusals:
		entry.refusals = append(entry.refusals, told)
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
	shard := &l.shards[maphash.String(l.seed, client.ID)%ledgerShards]
	shard.mu.Lock()
	entry := shard.clients[client.ID]
	if entry == nil && len(shard.clients) < shardClients {
		entry = new(clientEntry)
		if shard.clients == nil {
			shard.clients = make(map[string]*clientEntry)
		}
		shard.clients[client.ID] = entry
	}
	return shard, entry
}

// count adds one, and answers whether there was room.
func (e *clientEntry) count(secretID, outcome string, day Day) bool {
	for i := range e.counts {
		if c := &e.counts[i]; c.day == day && c.outcome == outcome && c.secretID == secretID {
			c.n++
			return true
		}
	}
	if len(e.counts) == clientCounts {
		return false
	}
	e.counts = append(e.counts, entryCount{secretID, outcome, day, 1})
	return true
}

func (e *clientEntry) useSecret(id string, from netip.Addr, now time.Time) {
	for i := range e.secrets {
		if s := &e.secrets[i]; s.id == id {
			s.at, s.from = now, from
			return
		}
	}
	if len(e.secrets) < clientCounts { // Where counts find room, secrets do.
		e.secrets = append(e.secrets, entrySecret{id, now, from})
	}
}

// permission answers the place of a permission, which is perhaps the one named, or -1 if there is no room.
func (e *clientEntry) permission(scope string, perhaps int) int {
	if perhaps < len(e.permissions) && e.permissions[perhaps].scope == scope {
		return perhaps
	}
	if at := slices.IndexFunc(e.permissions, func(p entryPermission) bool { return p.scope == scope }); at >= 0 {
		return at
	}
	if len(e.permissions) == clientPermissions {
		return -1
	}
	e.permissions = append(e.permissions, entryPermission{scope: scope})
	return len(e.permissions) - 1
}

// Flush hands what was gathered to the store. What an unavailable store does not take is kept, and handed over again
// by the next Flush; in the meantime no more is gathered than there is room for. What the store refuses for another
// reason is lost, so that it does not hold up the rest for ever.
func (l *Ledger) Flush(ctx context.Context, store UsageStore) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.save(ctx, store); err != nil { // What is left of the last time.
		return err
	}
	l.unsaved = l.take()
	return l.save(ctx, store)
}

func (l *Ledger) save(ctx context.Context, store UsageStore) error {
	for len(l.unsaved) > 0 {
		batch := l.unsaved[0]
		err := store.AddUsage(ctx, batch)
		if errors.Is(err, ErrUnavailable) || ctx.Err() != nil && err != nil {
			return err
		}
		l.unsaved = l.unsaved[1:]
		if err != nil {
			l.lost.Add(uint64(len(batch.Clients)))
			return err
		}
	}
	return nil
}

// take empties the Ledger into batches.
func (l *Ledger) take() []*Usage {
	var batches []*Usage
	batch := &Usage{ID: NewID("use")}
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		clients := shard.clients
		shard.clients, shard.refusals = nil, 0
		shard.mu.Unlock()
		for id, entry := range clients {
			if len(batch.Clients) == batchClients {
				batches = append(batches, batch)
				batch = &Usage{ID: NewID("use")}
			}
			entry.addTo(batch, id)
		}
	}
	if len(batch.Clients) > 0 {
		batches = append(batches, batch)
	}
	return batches
}

func (e *clientEntry) addTo(batch *Usage, id string) {
	batch.Clients = append(batch.Clients, ClientUse{
		ClientID: id, IssuedAt: e.issuedAt, IssuedTo: addressText(e.issuedTo), Refused: e.refused,
	})
	for _, s := range e.secrets {
		batch.Secrets = append(batch.Secrets, SecretUse{ClientID: id, SecretID: s.id, At: s.at, From: addressText(s.from)})
	}
	for _, c := range e.counts {
		batch.Days = append(batch.Days, DayUse{ClientID: id, SecretID: c.secretID, Day: c.day, Outcome: c.outcome, Count: c.n})
	}
	for _, p := range e.permissions {
		batch.Permissions = append(batch.Permissions, PermissionUse{ClientID: id, Scope: p.scope, AskedAt: p.asked, IncludedAt: p.included})
	}
	for _, refusal := range e.refusals {
		refusal.ID = NewID("ref")
		batch.Refusals = append(batch.Refusals, refusal)
	}
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.Unmap().String()
}

// shown answers a copy of what a caller wrote that can be shown to a person: cut short, and with a mark in the place
// of each character that does not print.
func shown(text string, most int) string {
	if len(text) > 4*most {
		text = text[:4*most] // No more than four bytes are one character.
	}
	clean := []rune(strings.Map(func(char rune) rune {
		if unicode.IsPrint(char) {
			return char
		}
		return unicode.ReplacementChar
	}, text))
	if len(clean) > most {
		return string(clean[:most-1]) + "…"
	}
	return string(clean)
}
