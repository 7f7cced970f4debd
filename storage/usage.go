package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/oauth"
)

var _ oauth.UsageStore = (*DB)(nil)

const (
	// batchMemory is for how long a batch is remembered to have been added.
	batchMemory = 24 * time.Hour
	// someIDs is how many ids one statement names: SQLite looks for each placeholder among all of them.
	someIDs = 100
)

// orNever answers the moment of a time that may be zero: never, where NULL would have no place in an order.
func orNever(at time.Time) moment {
	if at.IsZero() {
		return moment{time.Unix(0, 0)}
	}
	return moment{at}
}

// orZero turns orNever round.
func (m moment) orZero() time.Time {
	if m.Unix() == 0 {
		return time.Time{}
	}
	return m.Time
}

type clientUsageRow struct {
	ClientID       string       `db:"client_id"`
	OrgID          string       `db:"org_id"`
	Status         oauth.Status `db:"status"`
	CreatedAt      moment       `db:"created_at"`
	UsedAt         moment       `db:"used_at"`
	UsedFrom       string       `db:"used_from"`
	RefusedAt      moment       `db:"refused_at"`
	RefusedCode    oauth.Code   `db:"refused_code"`
	RefusedReason  oauth.Reason `db:"refused_reason"`
	RefusedMissing string       `db:"refused_missing"`
}

type secretUsageRow struct {
	ClientID string `db:"client_id"`
	SecretID string `db:"secret_id"`
	UsedAt   moment `db:"used_at"`
	UsedFrom string `db:"used_from"`
}

type usageDayRow struct {
	ClientID string    `db:"client_id"`
	Day      oauth.Day `db:"day"`
	SecretID string    `db:"secret_id"`
	Outcome  string    `db:"outcome"`
	Count    int64     `db:"count"`
}

type permissionUsageRow struct {
	ClientID   string `db:"client_id"`
	Scope      string `db:"scope"`
	AskedAt    moment `db:"asked_at"`
	IncludedAt moment `db:"included_at"`
}

type refusalRow struct {
	ID        string             `db:"id"`
	ClientID  string             `db:"client_id"`
	SecretID  string             `db:"secret_id"`
	At        moment             `db:"at"`
	Address   string             `db:"address"`
	Code      oauth.Code         `db:"code"`
	Reason    oauth.Reason       `db:"reason"`
	Detail    string             `db:"detail"`
	Scope     string             `db:"scope"`
	Resources document[[]string] `db:"resources"`
	Missing   string             `db:"missing"`
}

const insertClientUsage = `INSERT INTO client_usage (client_id, org_id, status, created_at,
		used_at, used_from, refused_at, refused_code, refused_reason, refused_missing)
	VALUES (:client_id, :org_id, :status, :created_at, :used_at, :used_from, :refused_at, :refused_code, :refused_reason, :refused_missing)`

// addUsage makes the row that every client has.
func addUsage(writes *bundle, clients ...*oauth.Client) {
	rows := make([]clientUsageRow, len(clients))
	for i, client := range clients {
		rows[i] = clientUsageRow{
			ClientID: client.ID, OrgID: client.OrgID, Status: client.Status, CreatedAt: moment{client.CreatedAt},
			UsedAt: orNever(time.Time{}),
		}
	}
	addRows(writes, insertClientUsage, rows)
}

// deleteUsage forgets what a client did. The client's first row goes first: a batch takes them in the same order.
func deleteUsage(ctx context.Context, tx *sqlx.Tx, client *oauth.Client) error {
	for _, table := range []string{"client_usage", "secret_usage", "usage_days", "permission_usage", "refusals"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE client_id = $1`, client.ID); err != nil {
			return err
		}
	}
	return nil
}

// AddUsage implements oauth.UsageStore. It is bookkeeping, which no memory of the database holds: the epoch stays.
//
// Batches of several replicas cannot deadlock. Each row belongs to a client of its batch, and a batch first takes the
// rows of its clients in the order of their ids; so two batches that meet in any row have met before, there.
func (db *DB) AddUsage(ctx context.Context, batch *oauth.Usage) error {
	return db.ask(ctx, "adding to the usage of clients", func(ctx context.Context) error {
		tx, err := db.sql.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // After the commit it does nothing.
		added, err := tx.ExecContext(ctx, `INSERT INTO usage_batches (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
			batch.ID, moment{db.now()})
		if err != nil {
			return err
		}
		if rows, err := added.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		for _, add := range []func(context.Context, *sqlx.Tx, *oauth.Usage) error{
			addClientUse, addSecretUse, addDayUse, addPermissionUse, addRefusals, dropTombstones,
		} {
			if err := add(ctx, tx, batch); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

func addClientUse(ctx context.Context, tx *sqlx.Tx, batch *oauth.Usage) error {
	rows := make([]clientUsageRow, len(batch.Clients))
	for i, use := range batch.Clients {
		rows[i] = clientUsageRow{
			// Every client has a row, but for those that were deleted meanwhile: see dropTombstones.
			ClientID: use.ClientID, Status: oauth.StatusDeleted, CreatedAt: orNever(time.Time{}), UsedAt: orNever(use.IssuedAt), UsedFrom: use.IssuedTo,
			RefusedAt: moment{use.Refused.At}, RefusedCode: use.Refused.Code, RefusedReason: use.Refused.Reason,
			RefusedMissing: use.Refused.Missing,
		}
	}
	slices.SortFunc(rows, func(a, b clientUsageRow) int { return strings.Compare(a.ClientID, b.ClientID) })
	return insertRows(ctx, tx, insertClientUsage+` ON CONFLICT (client_id) DO UPDATE SET `+
		later("client_usage", "used_at", "used_from", "used_at")+`, `+
		later("client_usage", "refused_at", "refused_code", "refused_reason", "refused_missing", "refused_at"), rows)
}

func addSecretUse(ctx context.Context, tx *sqlx.Tx, batch *oauth.Usage) error {
	rows := make([]secretUsageRow, len(batch.Secrets))
	for i, use := range batch.Secrets {
		rows[i] = secretUsageRow{use.ClientID, use.SecretID, moment{use.At}, use.From}
	}
	return insertRows(ctx, tx, `INSERT INTO secret_usage (client_id, secret_id, used_at, used_from)
		VALUES (:client_id, :secret_id, :used_at, :used_from)
		ON CONFLICT (client_id, secret_id) DO UPDATE SET `+later("secret_usage", "used_at", "used_from", "used_at"), rows)
}

func addDayUse(ctx context.Context, tx *sqlx.Tx, batch *oauth.Usage) error {
	rows := make([]usageDayRow, len(batch.Days))
	for i, use := range batch.Days {
		rows[i] = usageDayRow{use.ClientID, use.Day, use.SecretID, use.Outcome, use.Count}
	}
	return insertRows(ctx, tx, `INSERT INTO usage_days (client_id, day, secret_id, outcome, count)
		VALUES (:client_id, :day, :secret_id, :outcome, :count)
		ON CONFLICT (client_id, day, secret_id, outcome) DO UPDATE SET count = usage_days.count + excluded.count`, rows)
}

func addPermissionUse(ctx context.Context, tx *sqlx.Tx, batch *oauth.Usage) error {
	rows := make([]permissionUsageRow, len(batch.Permissions))
	for i, use := range batch.Permissions {
		rows[i] = permissionUsageRow{use.ClientID, use.Scope, moment{use.AskedAt}, moment{use.IncludedAt}}
	}
	return insertRows(ctx, tx, `INSERT INTO permission_usage (client_id, scope, asked_at, included_at)
		VALUES (:client_id, :scope, :asked_at, :included_at)
		ON CONFLICT (client_id, scope) DO UPDATE SET `+
		later("permission_usage", "asked_at", "asked_at")+`, `+later("permission_usage", "included_at", "included_at"), rows)
}

// addRefusals adds to the last refusals of clients, and forgets those that are no longer among the last.
func addRefusals(ctx context.Context, tx *sqlx.Tx, batch *oauth.Usage) error {
	rows := make([]refusalRow, len(batch.Refusals))
	ids := make([]string, len(batch.Refusals))
	for i, told := range batch.Refusals {
		rows[i] = refusalRow{
			ID: told.ID, ClientID: told.ClientID, SecretID: told.SecretID, At: moment{told.At}, Address: told.From,
			Code: told.Code, Reason: told.Reason, Detail: told.Detail, Scope: told.Scope,
			Resources: document[[]string]{told.Resources}, Missing: told.Missing,
		}
		ids[i] = told.ClientID
	}
	err := insertRows(ctx, tx, `INSERT INTO refusals
			(id, client_id, secret_id, at, address, code, reason, detail, scope, resources, missing)
		VALUES (:id, :client_id, :secret_id, :at, :address, :code, :reason, :detail, :scope, :resources, :missing)`, rows)
	if err != nil {
		return err
	}
	slices.Sort(ids)
	for some := range slices.Chunk(slices.Compact(ids), someIDs) {
		var where filter
		where.anyOf("client_id", some)
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM refusals WHERE id IN (
			SELECT id FROM (
				SELECT id, ROW_NUMBER() OVER (PARTITION BY client_id ORDER BY at DESC, id DESC) AS place FROM refusals %s
			) ranked WHERE place > %d)`, &where, oauth.KeptRefusals), where.values...)
		if err != nil {
			return err
		}
	}
	return nil
}

// dropTombstones forgets the clients that were deleted while the batch was gathered.
func dropTombstones(ctx context.Context, tx *sqlx.Tx, batch *oauth.Usage) error {
	ids := make([]string, len(batch.Clients))
	for i, use := range batch.Clients {
		ids[i] = use.ClientID
	}
	for some := range slices.Chunk(ids, someIDs) {
		var where filter
		where.anyOf("id", some)
		var deleted []string
		if err := tx.SelectContext(ctx, &deleted, `SELECT id FROM clients `+where.String()+` AND deleted_at IS NOT NULL`, where.values...); err != nil {
			return err
		}
		for _, id := range deleted {
			for _, table := range []string{"client_usage", "secret_usage", "permission_usage"} { // The rest ages.
				if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE client_id = $1`, id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// later writes the assignments of an upsert that takes the columns of the new row if it is the later one by a column
// of time. NULL is earlier than every time.
func later(table, at string, columns ...string) string {
	assignments := make([]string, len(columns))
	for i, column := range columns {
		assignments[i] = fmt.Sprintf(`%[3]s = CASE WHEN %[1]s.%[2]s IS NULL OR excluded.%[2]s > %[1]s.%[2]s
			THEN excluded.%[3]s ELSE %[1]s.%[3]s END`, table, at, column)
	}
	return strings.Join(assignments, ", ")
}

// PruneUsage implements oauth.UsageStore.
func (db *DB) PruneUsage(ctx context.Context, before oauth.Day, most int) (more bool, err error) {
	return db.prune(ctx, "forgetting old usage", most, []pruning{
		{`DELETE FROM usage_days WHERE (client_id, day, secret_id, outcome) IN (
			SELECT client_id, day, secret_id, outcome FROM usage_days WHERE day < $1 ORDER BY day LIMIT $2)`, before},
		{`DELETE FROM refusals WHERE id IN (SELECT id FROM refusals WHERE at < $1 ORDER BY at LIMIT $2)`,
			moment{before.Start()}},
	})
}
