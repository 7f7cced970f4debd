package oauth

import (
	"context"
	"time"
)

// Day is a day in UTC, counted from the first of 1970.
type Day int64

// DayOf answers the day a time lies in.
func DayOf(t time.Time) Day { return Day(t.Unix() / (24 * 60 * 60)) }

// Start answers the first moment of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// String writes the day as RFC 3339 does: "2026-01-31".
func (d Day) String() string { return d.Start().Format(time.DateOnly) }

// OutcomeIssued counts tokens; every other outcome is the Reason or the Code of a refusal.
const OutcomeIssued = "issued"

// UsageStore keeps what a [Ledger] has gathered.
type UsageStore interface {
	// AddUsage adds one batch to what is kept: counts add up, and of times the last one stays. A batch that has
	// been added already changes nothing, so that a batch of which nobody knows whether it was can be added again.
	AddUsage(ctx context.Context, batch *Usage) error
	// PruneUsage forgets days and refusals from before the day, at most so many rows of each, and answers whether
	// some are left.
	PruneUsage(ctx context.Context, before Day, most int) (more bool, err error)
}

// Usage is one batch of what clients did.
type Usage struct {
	// ID tells the batch from every other.
	ID          string
	Clients     []ClientUse
	Secrets     []SecretUse
	Days        []DayUse
	Permissions []PermissionUse
	Refusals    []Refusal
}

// ClientUse is when a client was last issued a token and refused one. A zero time says that it was not.
type ClientUse struct {
	ClientID string
	IssuedAt time.Time
	IssuedTo string // The address that asked.
	Refused  LastRefusal
}

// LastRefusal is what is told of a client's last refusal wherever the client is shown.
type LastRefusal struct {
	At      time.Time
	Code    Code
	Reason  Reason
	Missing string // The first missing permission, as a scope.
}

// SecretUse is when, and from which address, a secret last got a token.
type SecretUse struct {
	ClientID string
	SecretID string
	At       time.Time
	From     string
}

// DayUse counts what came of a client's requests on one day.
type DayUse struct {
	ClientID string
	// SecretID is the secret they came with; empty where none matched.
	SecretID string
	Day      Day
	Outcome  string
	Count    int64
}

// PermissionUse is when a token last held a permission.
type PermissionUse struct {
	ClientID string
	// Scope is the permission as a scope: "profile:read".
	Scope string
	// AskedAt is when the client last asked for it by name; zero if it never did.
	AskedAt time.Time
	// IncludedAt is when the client last got it by asking for all it has; zero if it never did. Nobody but the
	// owner of the program can say whether it then made use of it.
	IncludedAt time.Time
}

// Refusal is a token that was refused to a client that exists, as its administrator may know it.
type Refusal struct {
	ID       string
	ClientID string
	SecretID string // Empty where no secret matched.
	At       time.Time
	From     string
	Code     Code
	Reason   Reason
	// Detail is the private cause in plain words.
	Detail string
	// Scope and Resources are what was asked for, in the caller's words: cut short, and without what cannot be shown.
	Scope     string
	Resources []string
	// Missing are the permissions that were missing, as scopes parted by spaces; empty if it was not for them.
	Missing string
}
