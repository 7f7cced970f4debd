package oauth

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// clientEntry is what one client did since the last flush. There is one for every client that asks for tokens, so that it
// is kept small.
type clientEntry struct {
	refused     *LastRefusal
	counts      []entryCount
	uses        []entryUse
	permissions []entryPermission
	refusals    []Refusal
	oldest      int // Where the next refusal goes, once the list is full.
}

type entryCount struct {
	secretID string
	outcome  string
	day      Day
	n        int64
}

// entryUse is when a secret last got a token, and which address asked. Other ways to authenticate have the id "".
type entryUse struct {
	secretID string
	at       time.Time
	from     netip.Addr
}

type entryPermission struct {
	scope           string
	asked, included time.Time
}

// count adds one, and answers whether there was room.
func (e *clientEntry) count(secretID, outcome string, day Day) bool {
	for i := range e.counts {
		if c := &e.counts[i]; c.day == day && c.outcome == outcome && c.secretID == secretID {
			c.n++
			return true
		}
	}
	if len(e.counts) == clientCounts {
		return false
	}
	e.counts = append(e.counts, entryCount{secretID, outcome, day, 1})
	return true
}

func (e *clientEntry) use(secretID string, from netip.Addr, now time.Time) {
	for i := range e.uses {
		if u := &e.uses[i]; u.secretID == secretID {
			u.at, u.from = now, from
			return
		}
	}
	if len(e.uses) < clientCounts { // Where counts find room, uses do.
		e.uses = append(e.uses, entryUse{secretID, now, from})
	}
}

// permission answers the place of a permission, which is perhaps the one named, or -1 if there is no room.
func (e *clientEntry) permission(scope string, perhaps int) int {
	if perhaps < len(e.permissions) && e.permissions[perhaps].scope == scope {
		return perhaps
	}
	if at := slices.IndexFunc(e.permissions, func(p entryPermission) bool { return p.scope == scope }); at >= 0 {
		return at
	}
	if len(e.permissions) == clientPermissions {
		return -1
	}
	e.permissions = append(e.permissions, entryPermission{scope: scope})
	return len(e.permissions) - 1
}

func (e *clientEntry) addTo(batch *Usage, id string) {
	use := ClientUse{ClientID: id}
	if e.refused != nil {
		use.Refused = *e.refused
	}
	for _, u := range e.uses {
		if u.at.After(use.IssuedAt) {
			use.IssuedAt, use.IssuedTo = u.at, addressText(u.from)
		}
		if u.secretID != "" {
			batch.Secrets = append(batch.Secrets, SecretUse{ClientID: id, SecretID: u.secretID, At: u.at, From: addressText(u.from)})
		}
	}
	batch.Clients = append(batch.Clients, use)
	for _, c := range e.counts {
		batch.Days = append(batch.Days, DayUse{ClientID: id, SecretID: c.secretID, Day: c.day, Outcome: c.outcome, Count: c.n})
	}
	for _, p := range e.permissions {
		batch.Permissions = append(batch.Permissions, PermissionUse{ClientID: id, Scope: p.scope, AskedAt: p.asked, IncludedAt: p.included})
	}
	for _, refusal := range e.refusals {
		refusal.ID = NewID("ref")
		batch.Refusals = append(batch.Refusals, refusal)
	}
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.Unmap().String()
}

// shown answers a copy of what a caller wrote that can be shown to a person: cut short, and with a mark in the place
// of each character that does not print.
func shown(text string, most int) string {
	if len(text) > 4*most {
		text = text[:4*most] // No more than four bytes are one character.
	}
	clean := []rune(strings.Map(func(char rune) rune {
		if unicode.IsPrint(char) {
			return char
		}
		return unicode.ReplacementChar
	}, text))
	if len(clean) > most {
		return string(clean[:most-1]) + "…"
	}
	return string(clean)
}
