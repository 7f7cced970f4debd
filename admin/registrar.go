package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Registrar registers, changes, disables and removes clients. Every act leaves an Event. What lies outside the
// actor's org does not exist for it: oauth.ErrNotFound.
type Registrar struct {
	store      Store
	issuer     *oauth.Issuer
	cursors    CursorKey
	maxOverlap time.Duration
	now        func() time.Time
}

// RegistrarConfig is what a Registrar is made of. Every field is required.
type RegistrarConfig struct {
	Store   Store
	Issuer  *oauth.Issuer
	Cursors CursorKey
	// MaxOverlap is the longest that two secrets of a client may work side by side; zero allows none.
	MaxOverlap time.Duration
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

// NewRegistrar makes a Registrar.
func NewRegistrar(config RegistrarConfig) *Registrar {
	return &Registrar{
		store: config.Store, issuer: config.Issuer, cursors: config.Cursors,
		maxOverlap: config.MaxOverlap, now: config.Now,
	}
}

// Outcome is what a change did or, in a dry run, would do.
type Outcome struct {
	Client *oauth.Client
	// Summary says in plain sentences what the client's grants allow; nil if the change says nothing of grants.
	Summary []string
	// Warnings say what the caller may not expect, such as a place that was chosen for it.
	Warnings []string
	Changes  map[string]Change
	// Secret is the new client's secret, to be shown once. A client that authenticates by keys has none.
	Secret oauth.Plaintext
}

func (o *Outcome) warn(format string, args ...any) {
	o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...))
}

// within answers the Registrar as it is inside a transaction of its store.
func (r *Registrar) within(store Store) *Registrar {
	inside := *r
	inside.store = store
	return &inside
}

// atOnce runs work so that what it judges is still so when it writes: no API, permission or place goes in between. A
// dry run writes nothing, and keeps no other writer waiting.
func (r *Registrar) atOnce(
	ctx context.Context, actor Actor, dryRun bool, work func(context.Context, *Registrar) (Outcome, error),
) (outcome Outcome, err error) {
	if err := actor.require(CredentialsWrite); err != nil {
		return Outcome{}, err
	}
	if dryRun {
		return work(ctx, r)
	}
	err = r.store.Transact(ctx, func(ctx context.Context, store Store) error {
		outcome, err = work(ctx, r.within(store))
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return outcome, nil
}

// Register makes a client, with its first secret if it authenticates by one. A dry run checks all the same and stores nothing.
func (r *Registrar) Register(ctx context.Context, actor Actor, new NewClient, dryRun bool) (Outcome, error) {
	return r.atOnce(ctx, actor, dryRun, func(ctx context.Context, r *Registrar) (Outcome, error) {
		return r.register(ctx, actor, new, dryRun)
	})
}

func (r *Registrar) register(ctx context.Context, actor Actor, new NewClient, dryRun bool) (Outcome, error) {
	now := r.now()
	client := &oauth.Client{
		ID:         oauth.NewID("cid"),
		Status:     oauth.StatusActive,
		AuthMethod: oauth.AuthSecret,
		CreatedAt:  now, CreatedBy: actor.ID,
		UpdatedAt: now, UpdatedBy: actor.ID,
		Version: 1,
	}
	outcome := Outcome{Client: client}
	if err := r.fill(ctx, actor, &outcome, new); err != nil {
		return Outcome{}, err
	}
	switch {
	case new.WithoutSecret && client.AuthMethod == oauth.AuthSecret:
		client.Status = oauth.StatusInactive
	case client.AuthMethod == oauth.AuthSecret && !dryRun:
		var secret oauth.Secret
		secret, outcome.Secret = oauth.NewSecret(now, actor.ID)
		secret.ExpiresAt = endOf(new.SecretExpiresAt)
		client.Secrets = []oauth.Secret{secret}
	}
	outcome.Changes = changes(&oauth.Client{}, client)
	if dryRun {
		return outcome, r.nameIsFree(ctx, client)
	}
	event := newEvent(actor, now, "credential.created", client.ID, client.OrgID, outcome.Changes)
	if err := r.store.CreateClient(ctx, client, event); err != nil {
		return Outcome{}, nameTaken(err)
	}
	return outcome, nil
}

// Client answers one client.
func (r *Registrar) Client(ctx context.Context, actor Actor, id string) (*oauth.Client, error) {
	return r.visible(ctx, actor, CredentialsRead, id)
}

// visible answers a client that lies within the actor's reach, if the actor holds the permission.
func (r *Registrar) visible(ctx context.Context, actor Actor, permission, id string) (*oauth.Client, error) {
	if err := actor.require(permission); err != nil && actor.Org == "" {
		return nil, err // For whom nothing lies outside.
	}
	client, err := r.store.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	return client, actor.requireWithin(client.OrgID, permission, "credential", id)
}

// Change changes what the change names. A dry run checks all the same and stores nothing. It answers a
// [*StaleError] when the precondition does not hold.
func (r *Registrar) Change(ctx context.Context, actor Actor, id string, only Precondition, change ClientChange, dryRun bool) (Outcome, error) {
	if !actor.May(CredentialsWrite) {
		_, err := r.visible(ctx, actor, CredentialsWrite, id)
		return Outcome{}, err
	}
	return r.atOnce(ctx, actor, dryRun, func(ctx context.Context, r *Registrar) (Outcome, error) {
		return r.change(ctx, actor, id, only, change, dryRun)
	})
}

func (r *Registrar) change(ctx context.Context, actor Actor, id string, only Precondition, change ClientChange, dryRun bool) (Outcome, error) {
	before, err := r.visible(ctx, actor, CredentialsWrite, id)
	if err != nil {
		return Outcome{}, err
	}
	if err := cmp.Or(actor.mayManage(before), actor.mayHold(before)); err != nil {
		return Outcome{}, err
	}
	if err := only.check(before.Version); err != nil {
		return Outcome{}, err
	}
	client := *before
	outcome := Outcome{Client: &client}
	if err := r.apply(ctx, actor, &outcome, change); err != nil {
		return Outcome{}, err
	}
	outcome.Changes = changes(before, &client)
	switch {
	case dryRun:
		return outcome, r.nameIsFree(ctx, &client)
	case len(outcome.Changes) == 0:
		return outcome, nil
	}
	err = r.store.UpdateClient(ctx, id, func(stored *oauth.Client) (*Event, error) {
		event := r.touch(actor, &client, "credential.changed", outcome.Changes)
		*stored = client
		return event, nil
	})
	return outcome, nameTaken(err)
}

// Activate lets an inactive client out again. It changes nothing if the client is active.
func (r *Registrar) Activate(ctx context.Context, actor Actor, id string) (*oauth.Client, error) {
	return r.setStatus(ctx, actor, id, oauth.StatusActive, "credential.activated")
}

// Deactivate ends a client: when it has answered, no replica issues the client another token. It changes nothing
// if the client is inactive.
func (r *Registrar) Deactivate(ctx context.Context, actor Actor, id string) (*oauth.Client, error) {
	return r.setStatus(ctx, actor, id, oauth.StatusInactive, "credential.deactivated")
}

func (r *Registrar) setStatus(ctx context.Context, actor Actor, id string, status oauth.Status, action string) (*oauth.Client, error) {
	var changed *oauth.Client
	err := r.update(ctx, actor, id, func(client *oauth.Client) (*Event, error) {
		changed = client
		if client.Status == status {
			return nil, nil
		}
		before := *client
		client.Status = status
		if err := r.checkUsable(client); err != nil {
			return nil, err
		}
		return r.touch(actor, client, action, changes(&before, client)), nil
	})
	return changed, err
}

// Remove deletes a client for good; only its tombstone stays.
func (r *Registrar) Remove(ctx context.Context, actor Actor, id string, only Precondition) error {
	return r.update(ctx, actor, id, func(client *oauth.Client) (*Event, error) {
		if err := only.check(client.Version); err != nil {
			return nil, err
		}
		before := *client
		client.Status = oauth.StatusDeleted
		client.Grants, client.Secrets = nil, nil
		return r.touch(actor, client, "credential.deleted", changes(&before, client)), nil
	})
}

// TokensEndBy answers by when every token issued to the client until now will have expired. What the client and the
// APIs allow may have been changed since, so only what the server allows is sure.
func (r *Registrar) TokensEndBy(client *oauth.Client) time.Time {
	last := r.now()
	if client.Status != oauth.StatusActive {
		last = client.UpdatedAt // Nothing has been issued after it was deactivated.
	}
	return last.Add(r.issuer.MaxLifetime())
}

// update lets work change one client that the actor may change. One that holds more than the actor can only be switched
// off and on, and deleted.
func (r *Registrar) update(ctx context.Context, actor Actor, id string, work func(*oauth.Client) (*Event, error)) error {
	if !actor.May(CredentialsWrite) {
		_, err := r.visible(ctx, actor, CredentialsWrite, id)
		return err
	}
	return r.store.UpdateClient(ctx, id, func(client *oauth.Client) (*Event, error) {
		if !actor.Sees(client.OrgID) {
			return nil, notFound("credential", id)
		}
		if err := actor.mayManage(client); err != nil {
			return nil, err
		}
		beyond, status := actor.mayHold(client), client.Status
		event, err := work(client)
		if switched := client.Status != status; err == nil && event != nil && !switched {
			err = beyond
		}
		return event, err
	})
}

// touch notes on the client that the actor changes it now, and answers the Event that tells of it.
func (r *Registrar) touch(actor Actor, client *oauth.Client, action string, changes map[string]Change) *Event {
	now := r.now()
	client.UpdatedAt, client.UpdatedBy = now, actor.ID
	client.Version++
	event := newEvent(actor, now, action, client.ID, client.OrgID, changes)
	return &event
}

// checkUsable holds the rule that whoever makes a client active, or changes how it authenticates, leaves it able to.
func (r *Registrar) checkUsable(client *oauth.Client) error {
	if client.Status == oauth.StatusActive && client.AuthMethod == oauth.AuthSecret && usableSecrets(client, r.now()) == 0 {
		return ErrNoUsableSecret
	}
	return nil
}

// nameIsFree tells a dry run what the database's unique index would tell the real one.
func (r *Registrar) nameIsFree(ctx context.Context, client *oauth.Client) error {
	same, err := r.store.Clients(ctx, ClientQuery{Org: client.OrgID, Name: client.Name, Sort: ByName, Limit: 1})
	if err == nil && len(same) > 0 && same[0].ID != client.ID {
		err = ErrNameTaken
	}
	return err
}

func nameTaken(err error) error {
	if errors.Is(err, oauth.ErrConflict) {
		return ErrNameTaken
	}
	return err
}

func notFound(noun, id string) error { return fmt.Errorf("%s %q: %w", noun, id, oauth.ErrNotFound) }

// Now answers the Registrar's time, by which secrets are usable or not.
func (r *Registrar) Now() time.Time { return r.now() }
