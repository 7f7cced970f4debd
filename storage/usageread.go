package storage

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// Usages implements admin.Store: three statements, however many clients there are.
func (db *DB) Usages(ctx context.Context, ids []string, today oauth.Day) (map[string]admin.ClientUsage, error) {
	usages := make(map[string]admin.ClientUsage, len(ids))
	err := db.ask(ctx, "reading the usage of clients", func(ctx context.Context) error {
		var where filter
		where.anyOf("client_id", ids)
		var clients []clientUsageRow
		err := db.from().SelectContext(ctx, &clients, fmt.Sprintf(`SELECT client_id, used_at, refused_at,
			refused_code, refused_reason, refused_missing FROM client_usage %s`, &where), where.values...)
		if err != nil {
			return err
		}
		for _, row := range clients {
			usages[row.ClientID] = admin.ClientUsage{
				IssuedAt: row.UsedAt.orZero(),
				Refused: oauth.LastRefusal{
					At: row.RefusedAt.Time, Code: row.RefusedCode, Reason: row.RefusedReason, Missing: row.RefusedMissing,
				},
				Secrets: make(map[string]oauth.SecretUse),
			}
		}

		var secrets []secretUsageRow
		err = db.from().SelectContext(ctx, &secrets,
			fmt.Sprintf(`SELECT client_id, secret_id, used_at, used_from FROM secret_usage %s`, &where), where.values...)
		if err != nil {
			return err
		}
		for _, row := range secrets {
			if usage, known := usages[row.ClientID]; known {
				usage.Secrets[row.SecretID] = oauth.SecretUse{
					ClientID: row.ClientID, SecretID: row.SecretID, At: row.UsedAt.Time, From: row.UsedFrom,
				}
			}
		}
		return db.addDaily(ctx, usages, where, today)
	})
	return usages, err
}

// addDaily adds the tokens of the last days to the usages of the clients that are chosen.
func (db *DB) addDaily(ctx context.Context, usages map[string]admin.ClientUsage, chosen filter, today oauth.Day) error {
	first := today - admin.ListedDays + 1
	chosen.and("day >= %s AND outcome = %s", first, oauth.OutcomeIssued)
	var days []usageDayRow
	err := db.from().SelectContext(ctx, &days, fmt.Sprintf(
		`SELECT client_id, day, secret_id, outcome, count FROM usage_days %s`, &chosen), chosen.values...)
	for _, row := range days {
		// The clock of another replica may be a day ahead.
		if usage, known := usages[row.ClientID]; known && row.Day <= today {
			usage.Daily[row.Day-first] += row.Count
			usages[row.ClientID] = usage
		}
	}
	return err
}

// Usage implements admin.Store.
func (db *DB) Usage(ctx context.Context, id string, from oauth.Day) (*admin.UsageDetail, error) {
	var (
		detail      admin.UsageDetail
		days        []usageDayRow
		refusals    []refusalRow
		permissions []permissionUsageRow
	)
	err := db.ask(ctx, fmt.Sprintf("reading the usage of client %q", id), func(ctx context.Context) error {
		err := db.from().SelectContext(ctx, &days, `SELECT client_id, day, secret_id, outcome, count FROM usage_days
			WHERE client_id = $1 AND day >= $2 ORDER BY day, secret_id, outcome`, id, from)
		if err != nil {
			return err
		}
		err = db.from().SelectContext(ctx, &refusals, `SELECT id, client_id, secret_id, at, address, code, reason, detail,
			scope, resources, missing FROM refusals WHERE client_id = $1 ORDER BY at DESC, id DESC LIMIT $2`,
			id, oauth.KeptRefusals)
		if err != nil {
			return err
		}
		return db.from().SelectContext(ctx, &permissions, `SELECT client_id, scope, asked_at, included_at
			FROM permission_usage WHERE client_id = $1 ORDER BY scope`, id)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range days {
		detail.Days = append(detail.Days, oauth.DayUse{
			ClientID: row.ClientID, SecretID: row.SecretID, Day: row.Day, Outcome: row.Outcome, Count: row.Count,
		})
	}
	for _, row := range refusals {
		detail.Refusals = append(detail.Refusals, oauth.Refusal{
			ID: row.ID, ClientID: row.ClientID, SecretID: row.SecretID, At: row.At.Time, From: row.Address,
			Code: row.Code, Reason: row.Reason, Detail: row.Detail,
			Scope: row.Scope, Resources: row.Resources.of, Missing: row.Missing,
		})
	}
	for _, row := range permissions {
		detail.Permissions = append(detail.Permissions, oauth.PermissionUse{
			ClientID: row.ClientID, Scope: row.Scope, AskedAt: row.AskedAt.Time, IncludedAt: row.IncludedAt.Time,
		})
	}
	return &detail, nil
}
