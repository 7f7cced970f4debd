package admin

import (
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Attention is a reason to look at a credential. Only an active one gives any.
type Attention string

// The reasons.
const (
	// AttentionSecretExpiring: a secret that no rotation replaces expires within ExpiringWithin.
	AttentionSecretExpiring Attention = "secret_expiring"
	// AttentionUnused: it is older than UnusedAfter, and was issued no token for so long.
	AttentionUnused Attention = "unused"
	// AttentionOldSecretInUse: a secret that a rotation replaces got a token within OldSecretWithin, when its
	// successor was there already. To complete the rotation would cut somebody off.
	AttentionOldSecretInUse Attention = "old_secret_in_use"
	// AttentionRefusedRequests: it was refused a token within RefusedWithin.
	AttentionRefusedRequests Attention = "refused_requests"
)

// The times that the reasons speak of.
const (
	ExpiringWithin  = 14 * 24 * time.Hour
	UnusedAfter     = 90 * 24 * time.Hour
	OldSecretWithin = 24 * time.Hour
	RefusedWithin   = 7 * 24 * time.Hour
)

// AttentionOf answers why one should look at a client. A Store finds the clients of each reason by the same rules.
func AttentionOf(client *oauth.Client, usage *ClientUsage, now time.Time) []Attention {
	reasons := []Attention{}
	if client.Status != oauth.StatusActive {
		return reasons
	}
	for _, reason := range []struct {
		name  Attention
		holds bool
	}{
		{AttentionSecretExpiring, secretExpiring(client, now)},
		{AttentionUnused, !client.CreatedAt.After(now.Add(-UnusedAfter)) && !usage.IssuedAt.After(now.Add(-UnusedAfter))},
		{AttentionOldSecretInUse, oldSecretInUse(client, usage, now)},
		{AttentionRefusedRequests, usage.Refused.At.After(now.Add(-RefusedWithin))},
	} {
		if reason.holds {
			reasons = append(reasons, reason.name)
		}
	}
	return reasons
}

func secretExpiring(client *oauth.Client, now time.Time) bool {
	for i := range client.Secrets {
		secret := &client.Secrets[i]
		if secret.Usable(now) && secret.StopsAt.IsZero() && !secret.ExpiresAt.IsZero() &&
			!secret.ExpiresAt.After(now.Add(ExpiringWithin)) {
			return true
		}
	}
	return false
}

func oldSecretInUse(client *oauth.Client, usage *ClientUsage, now time.Time) bool {
	for i := range client.Secrets {
		old := &client.Secrets[i]
		used := usage.Secrets[old.ID].At
		if old.StopsAt.IsZero() || !old.Usable(now) || !used.After(now.Add(-OldSecretWithin)) {
			continue
		}
		for j := range client.Secrets {
			if made := client.Secrets[j].CreatedAt; made.After(old.CreatedAt) && !used.Before(made) {
				return true
			}
		}
	}
	return false
}
