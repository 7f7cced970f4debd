package bearer

import (
	"maps"
	"sync"
	"sync/atomic"
)

// cache is a small map that is read without a lock and copied when it grows. When it is full it forgets everything
// and begins anew, which is rare: what it holds is few things of the issuer.
type cache[V any] struct {
	most int
	held atomic.Pointer[map[string]V]
	mu   sync.Mutex
}

func (c *cache[V]) get(key string) (V, bool) {
	held := c.held.Load()
	if held == nil {
		var none V
		return none, false
	}
	value, found := (*held)[key]
	return value, found
}

// add answers the value that is held under the key, after putting this one there if there is none.
func (c *cache[V]) add(key string, value V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if there, found := c.get(key); found {
		return there
	}
	next := make(map[string]V)
	if held := c.held.Load(); held != nil && len(*held) < c.most {
		maps.Copy(next, *held)
	}
	next[key] = value
	c.held.Store(&next)
	return value
}
