package admin

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// defaultOverlap is for how long two secrets work when nothing is said, if the policy allows as much.
const defaultOverlap = 24 * time.Hour

// Rotation is what an administrator says about a new secret that takes the place of the current one.
type Rotation struct {
	// Overlap is for how many seconds the current secret works on: 0 ends it at once, and nil is a day, or what the
	// policy allows if that is less.
	Overlap *int64
	// ExpiresAt is when the new secret ends; nil for never.
	ExpiresAt *time.Time
}

// Rotated is what a rotation has made.
type Rotated struct {
	Client *oauth.Client
	// Secret is the new secret, and Text what is to be shown once.
	Secret *oauth.Secret
	Text   oauth.Plaintext
}

// Rotate gives a client a new secret. The current one works on for a while, and is the previous then.
//
// Of several calls at once, one rotates, and the others are refused: by ErrTwoSecrets if there are two secrets then,
// or else as stale, because what they meant to replace is not current any more.
func (r *Registrar) Rotate(ctx context.Context, actor Actor, id string, only Precondition, rotation Rotation) (Rotated, error) {
	seen, err := r.visible(ctx, actor, CredentialsWrite, id)
	if err != nil {
		return Rotated{}, err
	}
	overlap, err := r.checkRotation(rotation)
	if err != nil {
		return Rotated{}, err
	}
	var rotated Rotated
	err = r.changeSecrets(ctx, actor, id, only, "secret.rotated", func(client *oauth.Client, now time.Time) error {
		switch {
		case client.AuthMethod != oauth.AuthSecret:
			return ErrKeysInstead
		case usableSecrets(client, now) < 2 && idOf(client.CurrentSecret(now)) != idOf(seen.CurrentSecret(now)):
			return &StaleError{Current: client.Version}
		}
		fresh, text := oauth.NewSecret(now, actor.ID)
		fresh.ExpiresAt = endOf(rotation.ExpiresAt)
		rotated = Rotated{Client: client, Secret: &fresh, Text: text}
		return rotate(client, fresh, now.Add(overlap), now)
	})
	if err != nil {
		return Rotated{}, err
	}
	return rotated, nil
}

func (r *Registrar) checkRotation(rotation Rotation) (overlap time.Duration, err error) {
	var errs FieldErrors
	overlap = min(defaultOverlap, r.maxOverlap)
	if rotation.Overlap != nil {
		if longest := int64(r.maxOverlap / time.Second); *rotation.Overlap < 0 || *rotation.Overlap > longest {
			errs.add("/overlap", "out_of_range", "overlap must be from 0 to %d seconds", longest)
		} else {
			overlap = time.Duration(*rotation.Overlap) * time.Second
		}
	}
	now := r.now()
	checkExpiry(rotation.ExpiresAt, now, "/expires_at", &errs)
	if end := rotation.ExpiresAt; end != nil && end.After(now) && !end.After(now.Add(overlap)) {
		errs.add("/expires_at", "too_early", "the new secret would end before the one it replaces: choose a shorter overlap")
	}
	return overlap, errs.orNil()
}

// MoveDeadline moves the end of the previous secret: at most to as long after the rotation as the policy allows, and
// not beyond the end of the current secret. A time that has passed completes the rotation.
func (r *Registrar) MoveDeadline(ctx context.Context, actor Actor, id, secretID string, only Precondition, stopsAt time.Time) (*oauth.Client, error) {
	stopsAt = stopsAt.UTC().Truncate(time.Microsecond)
	var changed *oauth.Client
	err := r.changeSecrets(ctx, actor, id, only, "secret.rescheduled", func(client *oauth.Client, now time.Time) error {
		changed = client
		if err := moveDeadline(client, secretID, stopsAt, now); err != nil {
			return err
		}
		var errs FieldErrors
		current := client.CurrentSecret(now)
		if latest := current.CreatedAt.Add(r.maxOverlap); stopsAt.After(latest) {
			errs.add("/stops_at", "out_of_range", "the previous secret must end by %s", latest.Format(time.RFC3339Nano))
		} else if !current.ExpiresAt.IsZero() && !stopsAt.Before(current.ExpiresAt) {
			errs.add("/stops_at", "too_late", "the previous secret must end before the current one, which expires at %s", current.ExpiresAt.Format(time.RFC3339Nano))
		}
		return errs.orNil()
	})
	return changed, err
}

// StopSecret ends a secret at once. The current secret gives its place back to the previous one, if there is one. It
// changes nothing if the secret has ended already, and refuses with ErrLastSecret to leave an active client without.
func (r *Registrar) StopSecret(ctx context.Context, actor Actor, id, secretID string, only Precondition) error {
	return r.changeSecrets(ctx, actor, id, only, "secret.stopped", func(client *oauth.Client, now time.Time) error {
		return stop(client, secretID, now)
	})
}

// changeSecrets lets work change the secrets of a client, and notes it if it did.
func (r *Registrar) changeSecrets(
	ctx context.Context, actor Actor, id string, only Precondition, action string, work func(*oauth.Client, time.Time) error,
) error {
	return r.update(ctx, actor, id, func(client *oauth.Client) (*Event, error) {
		if err := only.check(client.Version); err != nil {
			return nil, err
		}
		before := *client
		if err := work(client, r.now()); err != nil {
			return nil, err
		}
		differing := changes(&before, client)
		if len(differing) == 0 {
			return nil, nil
		}
		return r.touch(actor, client, action, differing), nil
	})
}

// Report ends a secret that somebody holds who should not, even the last of an active client: better that it stands
// still than that it serves a stranger. Whoever holds the text may report it.
//
// The answer is the same for every text, and so is the work, but for a secret that was usable until now: that it was,
// its holder could have learned from the token endpoint.
func (r *Registrar) Report(ctx context.Context, reporter Actor, text oauth.Plaintext) error {
	id, err := r.store.ClientOfSecret(ctx, text.Hash())
	if err != nil {
		return unlessNotFound(err)
	}
	client, err := r.store.Client(ctx, id)
	if err != nil {
		return unlessNotFound(err)
	}
	if client.MatchingSecret(text, r.now()) == nil {
		return nil // Strangers cannot keep every replica busy with what has ended long ago.
	}
	err = r.store.UpdateClient(ctx, id, func(client *oauth.Client) (*Event, error) {
		now := r.now()
		leaked := client.MatchingSecret(text, now)
		if leaked == nil {
			return nil, nil
		}
		before := *client
		end(client, indexOfSecret(client, leaked.ID), now)
		return r.touch(reporter, client, "secret.reported", changes(&before, client)), nil
	})
	return unlessNotFound(err)
}

func unlessNotFound(err error) error {
	if errors.Is(err, oauth.ErrNotFound) {
		return nil
	}
	return err
}

func idOf(secret *oauth.Secret) string {
	if secret == nil {
		return ""
	}
	return secret.ID
}
