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
	counts      []entryCount
	uses        []entryUse
	permissions []entryPermission
	refusals    *entryRefusals // Nil for most clients.
}

// newClientEntry makes an entry in one piece with the room that most clients need: the garbage collector goes through the
// pieces of thousands of them.
func newClientEntry() *clientEntry {
	entry := new(struct {
		clientEntry
		counts      [1]entryCount
		uses        [1]entryUse
		permissions [2]entryPermission
	})
	entry.clientEntry = clientEntry{counts: entry.counts[:0], uses: entry.uses[:0], permissions: entry.permissions[:0]}
	return &entry.clientEntry
}

type entryRefusals struct {
	last   LastRefusal
	told   []Refusal // In full.
	oldest int       // Where in told the next one goes, once the list is full.
}

// moment is a time in microseconds since the first of 1970; zero for never.
type moment int64

func momentOf(t time.Time) moment { return moment(t.UnixMicro()) }

func (m moment) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
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
	at       moment
	from     netip.Addr
}

type entryPermission struct {
	scope           string
	asked, included moment
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
			u.at, u.from = momentOf(now), from
			return
		}
	}
	if len(e.uses) < clientCounts { // Where counts find room, uses do.
		e.uses = append(e.uses, entryUse{secretID, momentOf(now), from})
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
	for _, u := range e.uses {
		at, from := u.at.time(), addressText(u.from)
		if at.After(use.IssuedAt) {
			use.IssuedAt, use.IssuedTo = at, from
		}
		if u.secretID != "" {
			batch.Secrets = append(batch.Secrets, SecretUse{ClientID: id, SecretID: u.secretID, At: at, From: from})
		}
	}
	if e.refusals != nil {
		use.Refused = e.refusals.last
		for _, refusal := range e.refusals.told {
			refusal.ID = NewID("ref")
			batch.Refusals = append(batch.Refusals, refusal)
		}
	}
	batch.Clients = append(batch.Clients, use)
	for _, c := range e.counts {
		batch.Days = append(batch.Days, DayUse{ClientID: id, SecretID: c.secretID, Day: c.day, Outcome: c.outcome, Count: c.n})
	}
	for _, p := range e.permissions {
		batch.Permissions = append(batch.Permissions, PermissionUse{ClientID: id, Scope: p.scope, AskedAt: p.asked.time(), IncludedAt: p.included.time()})
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
