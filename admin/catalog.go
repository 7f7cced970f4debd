package admin

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Catalog is the APIs that credentials may be granted. Every actor with catalog:read sees all of it; it is changed by
// actors of the whole installation alone. Every change leaves an Event.
type Catalog struct {
	Store Store
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

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

// PutOptions say how a thing is put.
type PutOptions struct {
	Only PutCondition
	// Force takes from credentials what no longer fits; without it nothing is done if there are any.
	Force bool
	// DryRun checks all the same and stores nothing.
	DryRun bool
}

// PutOutcome is what a put did or, in a dry run, would do.
type PutOutcome struct {
	// API is what is there now; nil in a dry run.
	API     *oauth.API
	Created bool
	Changes map[string]Change
	// Lost says which credentials lost what.
	Lost []Loss
}

// Put makes the API, or lets it be what is declared. A permission that goes, another level or audience, and several
// permissions where only one may be chosen from now on harm whoever holds a grant: then it answers an [*InUseError]
// unless it is forced. Forced, what no longer fits is taken from the credentials for good, with an Event of each; one
// that holds nothing any more becomes inactive.
func (c Catalog) Put(ctx context.Context, actor Actor, declared DeclaredAPI, options PutOptions) (outcome PutOutcome, err error) {
	if err := actor.requireEverywhere(CatalogWrite); err != nil {
		return PutOutcome{}, err // Before anybody waits for the transaction.
	}
	err = c.Store.Transact(ctx, func(ctx context.Context, store Store) error {
		c.Store = store
		step, lost, err := c.put(ctx, actor, declared, options.Only, options.Force)
		if err != nil {
			return err
		}
		outcome.Lost = lost
		if step != nil {
			outcome.Created, outcome.Changes = step.Created, step.Changes
		}
		if options.DryRun {
			return errDryRun
		}
		outcome.API, err = store.API(ctx, declared.Key)
		return err
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return PutOutcome{}, err
	}
	return outcome, nil
}

// errDryRun undoes what a dry run has written: it is the real run, but for its end.
var errDryRun = errors.New("dry run")

// put works within a transaction, for an actor who may. It answers no step if the API is already what is declared.
func (c Catalog) put(ctx context.Context, actor Actor, declared DeclaredAPI, only PutCondition, force bool) (*Step, []Loss, error) {
	before, err := c.Store.API(ctx, declared.Key)
	var there oauth.API
	switch {
	case declared.Key == ManagementAPI:
		return nil, nil, ErrReserved
	case err == nil:
		there = *before
	case !errors.Is(err, oauth.ErrNotFound):
		return nil, nil, err
	}
	if err := only.check("API", declared.Key, there.Version); err != nil {
		return nil, nil, err
	}
	management, err := c.Store.API(ctx, ManagementAPI)
	if err != nil {
		return nil, nil, err
	}
	api, err := declared.api(before, management.Audience)
	if err != nil {
		return nil, nil, err
	}
	var lost []Loss
	if before != nil {
		if lost, err = c.take(ctx, actor, before, &api, force); err != nil {
			return nil, nil, err
		}
	}
	step, err := c.write(ctx, actor, before, api)
	return step, lost, err
}

// write stores the API if it is not what is there.
func (c Catalog) write(ctx context.Context, actor Actor, before *oauth.API, api oauth.API) (*Step, error) {
	var there oauth.API
	if before != nil {
		there = *before
	}
	step := newStep("api", api.Key, "", before == nil, apiFields(there), apiFields(api))
	if step == nil {
		return nil, nil
	}
	return step, c.Store.PutAPI(ctx, api, step.event(actor, c.Now()))
}

// take takes from credentials what a change of an API leaves no room for, or refuses to.
func (c Catalog) take(ctx context.Context, actor Actor, before, after *oauth.API, force bool) ([]Loss, error) {
	query, somebody := concerned(before, after)
	if !somebody {
		return nil, nil
	}
	clients, err := c.Store.Holders(ctx, query)
	if err != nil || len(clients) == 0 {
		return nil, err
	}
	var losses []Loss
	for i := range clients {
		left, scopes := shrink(clients[i].Grants, before, after)
		loss := newLoss(&clients[i], scopes)
		loss.Deactivated = len(left) == 0 && clients[i].Status == oauth.StatusActive
		losses = append(losses, loss)
	}
	if tooMany := len(clients) > MaxForced; tooMany || !force {
		return nil, &InUseError{Total: len(clients), Credentials: losses, Forcible: !tooMany, TooMany: tooMany}
	}
	for _, loss := range losses {
		if len(loss.Scopes) == 0 {
			continue
		}
		err := c.Store.UpdateClient(ctx, loss.ClientID, func(client *oauth.Client) (*Event, error) {
			from := *client
			client.Grants, _ = shrink(client.Grants, before, after)
			if loss.Deactivated {
				client.Status = oauth.StatusInactive
			}
			now := c.Now()
			client.UpdatedAt, client.UpdatedBy = now, actor.ID
			client.Version++
			event := newEvent(actor, now, "credential.shrunk", client.ID, client.OrgID, changes(&from, client))
			return &event, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return losses, nil
}

// Activate lets the API be in force again. It changes nothing if it is.
func (c Catalog) Activate(ctx context.Context, actor Actor, key string) (*oauth.API, error) {
	return c.setStatus(ctx, actor, key, oauth.StatusActive, "api.activated")
}

// Deactivate ends all grants of the API until it is activated: when it has answered, no replica issues a token for
// it. It changes nothing if the API is inactive.
func (c Catalog) Deactivate(ctx context.Context, actor Actor, key string) (*oauth.API, error) {
	return c.setStatus(ctx, actor, key, oauth.StatusInactive, "api.deactivated")
}

func (c Catalog) setStatus(ctx context.Context, actor Actor, key string, status oauth.Status, action string) (after *oauth.API, err error) {
	err = c.change(ctx, actor, key, func(ctx context.Context, store Store, api *oauth.API) error {
		if api.Status != status {
			from := apiFields(*api)
			api.Status = status
			event := newEvent(actor, c.Now(), action, key, "", differing(from, apiFields(*api)))
			if err := store.PutAPI(ctx, *api, event); err != nil {
				return err
			}
		}
		after, err = store.API(ctx, key)
		return err
	})
	return after, err
}

// Delete deletes the API. It answers an [*InUseError] while anybody holds a grant of it.
func (c Catalog) Delete(ctx context.Context, actor Actor, key string, only Precondition) error {
	return c.change(ctx, actor, key, func(ctx context.Context, store Store, api *oauth.API) error {
		if err := only.check(api.Version); err != nil {
			return err
		}
		clients, err := store.Holders(ctx, HolderQuery{API: key, Limit: MaxUsers + 1})
		if err != nil {
			return err
		}
		if len(clients) > 0 {
			inUse := &InUseError{Total: len(clients)}
			for i := range clients {
				_, scopes := shrink(clients[i].Grants, api, &oauth.API{Key: key})
				inUse.Credentials = append(inUse.Credentials, newLoss(&clients[i], scopes))
			}
			return inUse
		}
		return store.DeleteAPI(ctx, key, newEvent(actor, c.Now(), "api.deleted", key, "", differing(apiFields(*api), apiFields(oauth.API{}))))
	})
}

// change lets work change one API, within a transaction.
func (c Catalog) change(ctx context.Context, actor Actor, key string, work func(context.Context, Store, *oauth.API) error) error {
	if err := actor.requireEverywhere(CatalogWrite); err != nil {
		return err
	}
	if key == ManagementAPI {
		return ErrReserved
	}
	return c.Store.Transact(ctx, func(ctx context.Context, store Store) error {
		api, err := store.API(ctx, key)
		if err != nil {
			return err
		}
		return work(ctx, store, api)
	})
}
