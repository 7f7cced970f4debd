package admin

import (
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// A credential's secrets, in the order of their lives:
//
//	current ──rotate──► previous ──its deadline, or a stop──► stopped
//	   ▲                    │
//	   └──stop the newer────┘          expired: at its own end, from either
//
// At most two are usable at once: the current, and the previous until its deadline. A rotation completes by time
// alone: nothing has to run at the deadline. Stopping the current secret while there is a previous one takes the
// rotation back. An active credential keeps a usable secret, but for two ends that nobody can argue with: the expiry
// that was said when the secret was made, and a leak.

// maxDeadSecrets is how many secrets that are no longer usable are kept of a client, for people to look at.
const maxDeadSecrets = 10

// rotate makes fresh the current secret, and lets the one that was work on until stopsAt.
func rotate(client *oauth.Client, fresh oauth.Secret, stopsAt, now time.Time) error {
	if usableSecrets(client, now) > 1 {
		return ErrTwoSecrets
	}
	secrets := slices.Clone(client.Secrets)
	client.Secrets = secrets
	if current := client.CurrentSecret(now); current != nil {
		endAt(current, stopsAt, now)
	}
	client.Secrets = append([]oauth.Secret{fresh}, secrets...)
	forgetDead(client, now)
	return nil
}

// moveDeadline moves the end of the previous secret. A time that has passed ends it now.
func moveDeadline(client *oauth.Client, id string, stopsAt, now time.Time) error {
	i := indexOfSecret(client, id)
	current := client.CurrentSecret(now)
	switch {
	case i < 0:
		return notFound("secret", id)
	case !client.Secrets[i].Usable(now) || current.ID == id:
		return ErrNotPrevious
	}
	client.Secrets = slices.Clone(client.Secrets)
	endAt(&client.Secrets[i], stopsAt, now)
	return nil
}

// stop ends a secret now, but never the last usable one of an active client. One that has ended stays as it is.
func stop(client *oauth.Client, id string, now time.Time) error {
	i := indexOfSecret(client, id)
	switch {
	case i < 0:
		return notFound("secret", id)
	case client.Status == oauth.StatusActive && client.Secrets[i].Usable(now) && usableSecrets(client, now) == 1:
		return ErrLastSecret
	}
	end(client, i, now)
	return nil
}

// end ends a secret now, whatever it leaves behind. If another is usable then, that one is the current from now on,
// and no rotation ends it any longer.
func end(client *oauth.Client, i int, now time.Time) {
	if !client.Secrets[i].Usable(now) {
		return
	}
	client.Secrets = slices.Clone(client.Secrets)
	client.Secrets[i].StoppedAt = now
	if heir := client.CurrentSecret(now); heir != nil {
		heir.StopsAt = time.Time{}
	}
}

// endAt lets the secret end at a time. What ends now is marked so, and then no clock can revive it.
func endAt(secret *oauth.Secret, stopsAt, now time.Time) {
	secret.StopsAt = stopsAt
	if !stopsAt.After(now) {
		secret.StopsAt, secret.StoppedAt = now, now
	}
}

// forgetDead drops the oldest of the secrets that are no longer usable, beyond those that are kept.
func forgetDead(client *oauth.Client, now time.Time) {
	dead := 0
	client.Secrets = slices.DeleteFunc(client.Secrets, func(s oauth.Secret) bool {
		if s.Usable(now) {
			return false
		}
		dead++
		return dead > maxDeadSecrets
	})
}

func usableSecrets(client *oauth.Client, now time.Time) int {
	usable := 0
	for i := range client.Secrets {
		if client.Secrets[i].Usable(now) {
			usable++
		}
	}
	return usable
}

func indexOfSecret(client *oauth.Client, id string) int {
	return slices.IndexFunc(client.Secrets, func(s oauth.Secret) bool { return s.ID == id })
}
