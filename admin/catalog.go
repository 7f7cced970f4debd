package admin

import (
	"context"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Catalog is the APIs that credentials may be granted. Every actor with catalog:read sees all of it.
type Catalog struct{ Store CatalogStore }

// APIs answers all APIs, ordered by key.
func (c Catalog) APIs(ctx context.Context, actor Actor) ([]oauth.API, error) {
	if err := actor.require(CatalogRead); err != nil {
		return nil, err
	}
	return c.Store.APIs(ctx)
}

// API answers one API.
func (c Catalog) API(ctx context.Context, actor Actor, key string) (*oauth.API, error) {
	if err := actor.require(CatalogRead); err != nil {
		return nil, err
	}
	return c.Store.API(ctx, key)
}
