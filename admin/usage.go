package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// ListedDays is for how many days, today among them, a client is shown with what it did.
	ListedDays = 14
	// KeptDays is for how many days it can be asked for, before it is forgotten.
	KeptDays = 90
)

// ClientUsage is what is shown of a client's use wherever the client is shown. A zero time stands for never.
type ClientUsage struct {
	IssuedAt time.Time
	Refused  oauth.LastRefusal
	// Daily are the tokens of each of the last ListedDays, today's at the end.
	Daily [ListedDays]int64
	// Secrets are when and from where each secret last got a token, by its id.
	Secrets map[string]oauth.SecretUse
}

// UsageDetail is all that is kept of a client's use.
type UsageDetail struct {
	// Days are ordered by day, secret and outcome.
	Days []oauth.DayUse
	// Refusals are the last ones, the newest first.
	Refusals []oauth.Refusal
	// Permissions are those a token ever held, ordered by scope, whether or not they are still granted.
	Permissions []oauth.PermissionUse
}

// UsageReport is what an administrator is told of a client's use since a day.
type UsageReport struct {
	From, To oauth.Day
	Days     []oauth.DayUse
	Refusals []oauth.Refusal
	// Permissions are those granted now, in the order of the grants.
	Permissions []PermissionReport
}

// PermissionNeed says how a granted permission has been used.
type PermissionNeed string

// PermissionAsked was asked for by name. PermissionIncluded came along when the client asked for all that it has:
// whether it needs it nobody here can know. PermissionUnused was never in a token.
const (
	PermissionAsked    PermissionNeed = "asked"
	PermissionIncluded PermissionNeed = "included"
	PermissionUnused   PermissionNeed = "unused"
)

// PermissionReport is how a granted permission has been used since the report's first day.
type PermissionReport struct {
	oauth.PermissionUse
	API, Permission string
	Need            PermissionNeed
}

// Usages answers what is shown of each client's use, in the order of the clients.
func (r *Registrar) Usages(ctx context.Context, clients []oauth.Client) ([]ClientUsage, error) {
	ids := make([]string, len(clients))
	for i := range clients {
		ids[i] = clients[i].ID
	}
	found, err := r.store.Usages(ctx, ids, oauth.DayOf(r.now()))
	if err != nil {
		return nil, err
	}
	usages := make([]ClientUsage, len(clients))
	for i, id := range ids {
		usages[i] = found[id]
	}
	return usages, nil
}

// Usage reports what a client did in the last days, today among them, and which of its permissions it did without.
func (r *Registrar) Usage(ctx context.Context, actor Actor, id string, days int) (*UsageReport, error) {
	client, err := r.visible(ctx, actor, CredentialsRead, id)
	if err != nil {
		return nil, err
	}
	if days < 1 || days > KeptDays {
		var errs FieldErrors
		errs.add("days", "out_of_range", "days must be from 1 to %d", KeptDays)
		return nil, errs
	}
	today := oauth.DayOf(r.now())
	report := &UsageReport{From: today - oauth.Day(days) + 1, To: today}
	detail, err := r.store.Usage(ctx, id, report.From)
	if err != nil {
		return nil, err
	}
	report.Days, report.Refusals = detail.Days, detail.Refusals
	for _, grant := range client.Grants {
		for _, permission := range grant.Permissions {
			report.Permissions = append(report.Permissions, need(grant.API, permission, detail.Permissions, report.From.Start()))
		}
	}
	return report, nil
}

// need says how a granted permission has been used since a time. The uses are ordered by scope.
func need(api, permission string, uses []oauth.PermissionUse, since time.Time) PermissionReport {
	report := PermissionReport{
		PermissionUse: oauth.PermissionUse{Scope: api + ":" + permission},
		API:           api, Permission: permission, Need: PermissionUnused,
	}
	at, found := slices.BinarySearchFunc(uses, report.Scope, func(use oauth.PermissionUse, scope string) int {
		return strings.Compare(use.Scope, scope)
	})
	if !found {
		return report
	}
	report.PermissionUse = uses[at]
	switch {
	case !report.AskedAt.Before(since):
		report.Need = PermissionAsked
	case !report.IncludedAt.Before(since):
		report.Need = PermissionIncluded
	}
	return report
}
