package storage

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/latchkey-auth/latchkey/oauth"
)

// clientCache is the part of a Fresh that remembers clients: at most so many, those asked for last. Ids that belong to
// nobody are not remembered, so that made-up ones cannot push clients out.
type clientCache struct {
	mu      sync.Mutex
	loading map[string]*entry
	clients *simplelru.LRU[string, remembered]
}

// entry is a client from before it is read until it is remembered. The client and the error are set when done is closed.
type entry struct {
	done   chan struct{}
	client *oauth.Client
	err    error
}

// remembered is a client that has been read.
type remembered struct {
	packedClient
	again bool // It has been answered from memory, and not only to whoever had it read.
}

func newClientCache(size int) *clientCache {
	// An LRU is refused for a size below 1 alone.
	clients, _ := simplelru.NewLRU[string, remembered](size, nil)
	return &clientCache{loading: make(map[string]*entry), clients: clients}
}

// find answers the client if it is remembered, or else who reads it. If the entry is new, the caller must read the
// client, from now on and not before, and settle the entry.
func (c *clientCache) find(id string) (client *oauth.Client, e *entry, isNew bool) {
	known, e, isNew := c.look(id)
	if e == nil {
		return known.unpack(), nil, false
	}
	return nil, e, isNew
}

func (c *clientCache) look(id string) (known packedClient, e *entry, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, found := c.clients.Get(id); found {
		if !known.again {
			known.again = true
			c.clients.Add(id, known)
		}
		return known.packedClient, nil, false
	}
	if e, found := c.loading[id]; found {
		return packedClient{}, e, false
	}
	e = &entry{done: make(chan struct{})}
	c.loading[id] = e
	return packedClient{}, e, true
}

// justRead reports whether nobody has had the client from memory since it was read.
func (c *clientCache) justRead(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, found := c.clients.Peek(id)
	return found && !known.again
}

// settle notes what was read, unless the entry has been dropped in the meantime or nothing is known, and then tells
// those who wait for it.
func (c *clientCache) settle(id string, e *entry, client *oauth.Client, err error) {
	defer close(e.done)
	var packed packedClient
	if e.err = err; err == nil {
		packed = pack(client)
		e.client = packed.unpack() // Whoever keeps a text of it, as the ledger does, keeps the one that is kept anyway.
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loading[id] != e {
		return
	}
	delete(c.loading, id)
	if err == nil {
		c.clients.Add(packed.id(), remembered{packedClient: packed})
	}
}

// drop forgets what changed. Who waits for an entry that is dropped asked before the change.
func (c *clientCache) drop(news news) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if news.everything || news.allClients {
		clear(c.loading)
		c.clients.Purge()
		return
	}
	for _, id := range news.clients {
		delete(c.loading, id)
		c.clients.Remove(id)
	}
}
