package storage

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// usedSecretRow is what is shown of a client's use, beside when one of its secrets was used: NULLs if none was.
type usedSecretRow struct {
	clientUsageRow
	SecretID   sql.NullString `db:"secret_id"`
	SecretAt   moment         `db:"secret_at"`
	SecretFrom sql.NullString `db:"secret_from"`
}

// Usages implements admin.Store: two statements, however many clients there are.
func (db *DB) Usages(ctx context.Context, ids []string, today oauth.Day) (map[string]admin.ClientUsage, error) {
	usages := make(map[string]admin.ClientUsage, len(ids))
	err := db.ask(recurring(ctx, true), "reading the usage of clients", func(ctx context.Context) error {
		var chosen filter
		chosen.anyOf("u.client_id", ids)
		var rows []usedSecretRow
		err := db.from().SelectContext(ctx, &rows, fmt.Sprintf(`SELECT u.client_id, u.used_at, u.refused_at,
			u.refused_code, u.refused_reason, u.refused_missing,
			s.secret_id, s.used_at AS secret_at, s.used_from AS secret_from
			FROM client_usage u LEFT JOIN secret_usage s ON s.client_id = u.client_id %s`, &chosen), chosen.values...)
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i].addTo(usages)
		}
		return db.addDaily(ctx, usages, chosen, today)
	})
	return usages, err
}

func (r *usedSecretRow) addTo(usages map[string]admin.ClientUsage) {
	usage, known := usages[r.ClientID]
	if !known {
		usage = admin.ClientUsage{
			IssuedAt: r.UsedAt.orZero(),
			Refused: oauth.LastRefusal{
				At: r.RefusedAt.Time, Code: r.RefusedCode, Reason: r.RefusedReason, Missing: r.RefusedMissing,
			},
			Secrets: make(map[string]oauth.SecretUse),
		}
		usages[r.ClientID] = usage
	}
	if r.SecretID.Valid {
		usage.Secrets[r.SecretID.String] = oauth.SecretUse{
			ClientID: r.ClientID, SecretID: r.SecretID.String, At: r.SecretAt.Time, From: r.SecretFrom.String,
		}
	}
}

// addDaily adds the tokens of the last days to the usages of the clients that are chosen.
func (db *DB) addDaily(ctx context.Context, usages map[string]admin.ClientUsage, chosen filter, today oauth.Day) error {
	first := today - admin.ListedDays + 1
	chosen.and("u.day >= %s AND u.outcome = %s", first, oauth.OutcomeIssued)
	var days []usageDayRow
	err := db.from().SelectContext(ctx, &days, fmt.Sprintf(
		`SELECT u.client_id, u.day, u.secret_id, u.outcome, u.count FROM usage_days u %s`, &chosen), chosen.values...)
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
