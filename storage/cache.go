package storage

import (
	"sync"
	"unique"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/latchkey-auth/latchkey/oauth"
)

// clientCache is the part of a Fresh that remembers clients: at most so many, those asked for last. Ids that belong to
// nobody are not remembered, so that made-up ones cannot push clients out.
type clientCache struct {
	mu      sync.Mutex
	loading map[string]*entry
	clients *simplelru.LRU[string, *entry]
	// settled is closed, and is done for every entry that is kept: a channel of its own is a tenth of what one takes.
	settled chan struct{}
}

// entry is what is remembered of one client, from before it is read. The client and the error are set when done is
// closed.
type entry struct {
	done   chan struct{}
	client *oauth.Client
	err    error
	again  bool // It has been answered from memory, and not only to whoever had it read.
}

func newClientCache(size int) *clientCache {
	// An LRU is refused for a size below 1 alone.
	clients, _ := simplelru.NewLRU[string, *entry](size, nil)
	settled := make(chan struct{})
	close(settled)
	return &clientCache{loading: make(map[string]*entry), clients: clients, settled: settled}
}

// entry answers what is remembered of the client, or makes a new entry. The caller must then read the client, from
// now on and not before, and settle the entry.
func (c *clientCache) entry(id string) (e *entry, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, found := c.clients.Get(id); found {
		e.again = true
		return e, false
	}
	if e, found := c.loading[id]; found {
		return e, false
	}
	e = &entry{done: make(chan struct{})}
	c.loading[id] = e
	return e, true
}

// justRead reports whether nobody has had the client from memory since it was read.
func (c *clientCache) justRead(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.clients.Peek(id)
	return found && !e.again
}

// settle notes what was read, unless the entry has been dropped in the meantime or nothing is known, and then tells
// those who wait for it.
func (c *clientCache) settle(id string, e *entry, client *oauth.Client, err error) {
	defer close(e.done)
	e.client, e.err = client, err

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loading[id] != e {
		return
	}
	delete(c.loading, id)
	if err == nil {
		c.clients.Add(id, &entry{done: c.settled, client: client})
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

// share replaces the texts that many clients have in common by one copy of each.
func share(client *oauth.Client) {
	for _, text := range []*string{
		&client.OrgID, (*string)(&client.Status), (*string)(&client.AuthMethod), &client.Note, &client.Owner,
		&client.CreatedBy, &client.UpdatedBy,
	} {
		*text = unique.Make(*text).Value()
	}
	for i := range client.Secrets {
		client.Secrets[i].CreatedBy = unique.Make(client.Secrets[i].CreatedBy).Value()
	}
	for i := range client.Grants {
		grant := &client.Grants[i]
		grant.API = unique.Make(grant.API).Value()
		for _, texts := range [][]string{
			grant.Permissions, grant.AppliesTo.Accounts, grant.AppliesTo.Workspaces, grant.AppliesTo.AllWorkspacesOf,
		} {
			for i := range texts {
				texts[i] = unique.Make(texts[i]).Value()
			}
		}
	}
}
