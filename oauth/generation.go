package oauth

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A generation is all tokens that a client was issued until it lost something. They end together: they name one place
// in the status lists (draft-ietf-oauth-status-list), and the next generation names another.

// TokenStatus is what a status list says of a generation (draft-ietf-oauth-status-list §7.1).
type TokenStatus byte

// A generation is valid until its client loses something: invalid for good, or suspended while the client is inactive. A
// suspended one does not come back either: whoever is activated begins the next, and the one before is invalid then, as it
// is when the client is deleted.
const (
	TokensValid     TokenStatus = 0
	TokensInvalid   TokenStatus = 1
	TokensSuspended TokenStatus = 2
)

// StatusAfter answers the status of the tokens issued so far when the client becomes what after is, at this time: they
// end if it loses anything that they say or that they were issued for. What a client is given, and a change of its
// name or of future lifetimes and quotas, ends none; nor does a secret that runs out as planned. A network that it may no
// longer ask from does: a token that came from there may be why.
func (c *Client) StatusAfter(after *Client, at time.Time) TokenStatus {
	switch {
	case c.Status != StatusActive:
		return TokensValid // Its generation began when it became inactive, and has no tokens.
	case after.Status == StatusInactive:
		return TokensSuspended
	case after.Status == StatusDeleted,
		!coverAll(after.Grants, c.Grants),
		c.AuthMethod != after.AuthMethod,
		c.Certificate != after.Certificate,
		c.KeysURL != after.KeysURL,
		after.DPoPRequired && !c.DPoPRequired,
		losesNetwork(c.AllowedCIDRs, after.AllowedCIDRs),
		losesKey(c.Keys, after.Keys),
		losesSecret(c.Secrets, after.Secrets, at):
		return TokensInvalid
	}
	return TokensValid
}

// coverAll reports whether some grants hold all that others hold. It knows no tree: a workspace is not covered by all
// workspaces of its account.
func coverAll(grants, others []Grant) bool {
	return !slices.ContainsFunc(others, func(other Grant) bool {
		return !slices.ContainsFunc(grants, func(grant Grant) bool { return grant.covers(&other) })
	})
}

func (g *Grant) covers(other *Grant) bool {
	a, b := &g.AppliesTo, &other.AppliesTo
	return g.API == other.API && subset(other.Permissions, g.Permissions) &&
		(a.Installation || !b.Installation) && (a.Org || !b.Org) && subset(b.Accounts, a.Accounts) &&
		subset(b.Workspaces, a.Workspaces) && subset(b.AllWorkspacesOf, a.AllWorkspacesOf)
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// losesNetwork reports whether there is an address that the client could ask from and cannot any more. It sees each
// network by itself: two halves do not make a whole.
func losesNetwork(before, after []netip.Prefix) bool {
	if len(after) == 0 {
		return false // Anywhere.
	}
	return len(before) == 0 || slices.ContainsFunc(before, func(lost netip.Prefix) bool {
		return !slices.ContainsFunc(after, func(kept netip.Prefix) bool {
			return kept.Bits() <= lost.Bits() && kept.Contains(lost.Addr())
		})
	})
}

// losesKey reports whether a key is there no more. A key is the same only if every byte of it is.
func losesKey(before, after []jose.JSONWebKey) bool {
	text := func(key *jose.JSONWebKey) []byte {
		text, _ := key.MarshalJSON() // It was read from such a text.
		return text
	}
	return slices.ContainsFunc(before, func(key jose.JSONWebKey) bool {
		return !slices.ContainsFunc(after, func(kept jose.JSONWebKey) bool { return bytes.Equal(text(&kept), text(&key)) })
	})
}

// losesSecret reports whether a secret that was usable is not any more.
func losesSecret(before, after []Secret, at time.Time) bool {
	return slices.ContainsFunc(before, func(secret Secret) bool {
		return secret.Usable(at) && !slices.ContainsFunc(after, func(kept Secret) bool {
			return kept.ID == secret.ID && kept.Hash == secret.Hash && kept.Usable(at)
		})
	})
}
