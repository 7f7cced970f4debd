package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// operatorRow is a row of operators, with the status of its org.
type operatorRow struct {
	ID             string                 `db:"id"`
	Email          string                 `db:"email"`
	Name           string                 `db:"name"`
	OrgID          sql.NullString         `db:"org_id"`
	OrgStatus      oauth.Status           `db:"org_status"`
	Roles          document[[]admin.Role] `db:"roles"`
	Status         oauth.Status           `db:"status"`
	PasswordHash   string                 `db:"password_hash"`
	TokenHash      []byte                 `db:"token_hash"`
	TokenExpiresAt moment                 `db:"token_expires_at"`
	CreatedAt      moment                 `db:"created_at"`
	CreatedBy      string                 `db:"created_by"`
	UpdatedAt      moment                 `db:"updated_at"`
	UpdatedBy      string                 `db:"updated_by"`
	LastSignInAt   moment                 `db:"last_sign_in_at"`
	Issuer         string                 `db:"upstream_issuer"`
	Subject        string                 `db:"upstream_subject"`
	Version        int64                  `db:"version"`
	SecondFactor   []byte                 `db:"second_factor"` // Sealed, under the key that SealKeyID names.
	SealKeyID      sql.NullString         `db:"seal_key_id"`
}

const (
	operatorColumns = `o.id, o.email, o.name, o.org_id, o.roles, o.status, o.password_hash, o.token_hash,
		o.token_expires_at, o.created_at, o.created_by, o.updated_at, o.updated_by, o.last_sign_in_at, o.version,
		o.second_factor, o.seal_key_id, o.upstream_issuer, o.upstream_subject,
		COALESCE(t.status, 'active') AS org_status`
	operatorTables  = `operators o LEFT JOIN tenants t ON t.id = o.org_id`
	selectOperators = `SELECT ` + operatorColumns + ` FROM ` + operatorTables + ` `
)

func (db *DB) rowOfOperator(o *admin.Operator) (operatorRow, error) {
	row := operatorRow{
		ID: o.ID, Email: o.Email, Name: o.Name, OrgID: sql.NullString{String: o.OrgID, Valid: o.OrgID != ""},
		Roles: document[[]admin.Role]{o.Roles}, Status: o.Status,
		PasswordHash: o.PasswordHash, TokenExpiresAt: moment{o.TokenExpiresAt},
		CreatedAt: moment{o.CreatedAt}, CreatedBy: o.CreatedBy, UpdatedAt: moment{o.UpdatedAt}, UpdatedBy: o.UpdatedBy,
		LastSignInAt: moment{o.LastSignInAt}, Version: o.Version, Issuer: o.Upstream.Issuer, Subject: o.Upstream.Subject,
	}
	if o.TokenHash != (oauth.SecretHash{}) {
		row.TokenHash = o.TokenHash[:]
	}
	if o.SecondFactor == nil {
		return row, nil
	}
	text, err := json.Marshal(o.SecondFactor)
	row.SecondFactor = db.seal.sealText(text, "second factor "+o.ID)
	row.SealKeyID = sql.NullString{String: db.seal.id(), Valid: true}
	return row, err
}

func (db *DB) operatorOf(r *operatorRow) (*admin.Operator, error) {
	operator := &admin.Operator{
		ID: r.ID, Email: r.Email, Name: r.Name, OrgID: r.OrgID.String, OrgStatus: r.OrgStatus,
		Roles: r.Roles.of, Status: r.Status,
		PasswordHash: r.PasswordHash, TokenExpiresAt: r.TokenExpiresAt.Time,
		CreatedAt: r.CreatedAt.Time, CreatedBy: r.CreatedBy, UpdatedAt: r.UpdatedAt.Time, UpdatedBy: r.UpdatedBy,
		LastSignInAt: r.LastSignInAt.Time, Version: r.Version, Upstream: admin.Upstream{Issuer: r.Issuer, Subject: r.Subject},
	}
	copy(operator.TokenHash[:], r.TokenHash) // Its length is checked by the table.
	if r.SecondFactor == nil {
		return operator, nil
	}
	text, err := db.seal.openText(r.SecondFactor, r.SealKeyID.String, "second factor "+r.ID)
	if err == nil {
		err = json.Unmarshal(text, &operator.SecondFactor)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the second factor of %s: %w", r.ID, err)
	}
	return operator, nil
}

// operatorWhere reads the one operator of whom the column has the value.
func (db *DB) operatorWhere(ctx context.Context, from sqlx.QueryerContext, column string, value any) (*admin.Operator, error) {
	var row operatorRow
	if err := sqlx.GetContext(ctx, from, &row, selectOperators+`WHERE o.`+column+` = $1`, value); err != nil {
		return nil, err
	}
	return db.operatorOf(&row)
}

// Operator implements admin.Store.
func (db *DB) Operator(ctx context.Context, id string) (*admin.Operator, error) {
	return db.operatorBy(ctx, "id", id)
}

// OperatorByEmail implements admin.Store.
func (db *DB) OperatorByEmail(ctx context.Context, email string) (*admin.Operator, error) {
	return db.operatorBy(ctx, "email", email)
}

func (db *DB) operatorBy(ctx context.Context, column, text string) (operator *admin.Operator, err error) {
	err = db.ask(ctx, "reading an operator", func(ctx context.Context) error {
		if !storable(text) {
			return sql.ErrNoRows
		}
		operator, err = db.operatorWhere(ctx, db.from(), column, text)
		return err
	})
	return operator, err
}

// OperatorByUpstream implements admin.Store.
func (db *DB) OperatorByUpstream(ctx context.Context, upstream admin.Upstream) (operator *admin.Operator, err error) {
	err = db.ask(ctx, "reading who an operator is upstream", func(ctx context.Context) error {
		if upstream.Issuer == "" || !storable(upstream.Issuer, upstream.Subject) {
			return sql.ErrNoRows
		}
		var row operatorRow
		err := db.from().GetContext(ctx, &row, selectOperators+`WHERE o.upstream_issuer = $1 AND o.upstream_subject = $2`,
			upstream.Issuer, upstream.Subject)
		if err != nil {
			return err
		}
		operator, err = db.operatorOf(&row)
		return err
	})
	return operator, err
}

// OperatorByToken implements admin.Store.
func (db *DB) OperatorByToken(ctx context.Context, hash oauth.SecretHash) (operator *admin.Operator, err error) {
	err = db.ask(ctx, "reading whose password a token sets", func(ctx context.Context) error {
		operator, err = db.operatorWhere(ctx, db.from(), "token_hash", hash[:])
		return err
	})
	return operator, err
}

// Operators implements admin.Store.
func (db *DB) Operators(ctx context.Context, query admin.OperatorQuery) ([]admin.Operator, error) {
	if !storable(query.Org, query.Search) {
		return nil, nil
	}
	var where filter
	if query.Org != "" {
		where.and("o.org_id = %s", query.Org)
	}
	if query.Search != "" {
		where.contains("o.name", "o.email", query.Search)
	}
	if query.After != nil {
		where.and("(o.name, o.id) > (%s, %s)", query.After.Name, query.After.ID)
	}
	limit := where.place(query.Limit)
	var rows []operatorRow
	err := db.ask(ctx, "listing operators", func(ctx context.Context) error {
		return db.from().SelectContext(ctx, &rows,
			selectOperators+where.String()+` ORDER BY o.name, o.id LIMIT `+limit, where.values...)
	})
	if err != nil {
		return nil, err
	}
	operators := make([]admin.Operator, len(rows))
	for i := range rows {
		operator, err := db.operatorOf(&rows[i])
		if err != nil {
			return nil, err
		}
		operators[i] = *operator
	}
	return operators, nil
}

// CreateOperator implements admin.Store.
func (db *DB) CreateOperator(ctx context.Context, operator *admin.Operator, event admin.Event) error {
	_, err := db.change(ctx, "creating an operator", nil, func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
		row, err := db.rowOfOperator(operator)
		if err != nil {
			return false, err
		}
		_, err = tx.NamedExecContext(ctx, `INSERT INTO operators (id, email, name, org_id, roles, status, password_hash,
				second_factor, seal_key_id, token_hash, token_expires_at, created_at, created_by, updated_at, updated_by,
				last_sign_in_at, version, upstream_issuer, upstream_subject)
			VALUES (:id, :email, :name, :org_id, :roles, :status, :password_hash,
				:second_factor, :seal_key_id, :token_hash, :token_expires_at, :created_at, :created_by, :updated_at, :updated_by,
				:last_sign_in_at, :version, :upstream_issuer, :upstream_subject)`, row)
		if err != nil {
			return false, err
		}
		return true, insertEvent(ctx, tx, &event)
	})
	return err
}

// UpdateOperator implements admin.Store. The function change must be quick, and must not ask this store anything.
func (db *DB) UpdateOperator(ctx context.Context, id string, change func(*admin.Operator) (*admin.Event, error)) error {
	var refusal error
	_, err := db.change(ctx, fmt.Sprintf("changing operator %q", id), nil, func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
		if !storable(id) {
			return false, sql.ErrNoRows
		}
		operator, err := db.operatorWhere(ctx, tx, "id", id)
		if err != nil {
			return false, err
		}
		kept, err := keeperIsLeft(ctx, tx)
		if err != nil {
			return false, err
		}
		password := operator.PasswordHash
		event, err := change(operator)
		if err != nil || event == nil {
			refusal = err
			return false, nil
		}
		operator.ID = id
		if err := db.updateOperator(ctx, tx, operator, password != operator.PasswordHash); err != nil {
			return false, err
		}
		left, err := keeperIsLeft(ctx, tx)
		if err != nil {
			return false, err
		}
		if kept && !left {
			refusal = admin.ErrLastAdmin
			return false, nil
		}
		return true, insertEvent(ctx, tx, event)
	})
	if refusal != nil {
		return refusal
	}
	return err
}

func (db *DB) updateOperator(ctx context.Context, tx *sqlx.Tx, operator *admin.Operator, otherPassword bool) error {
	if operator.Status == oauth.StatusDeleted { // The sessions go with it.
		_, err := tx.ExecContext(ctx, `DELETE FROM operators WHERE id = $1`, operator.ID)
		return err
	}
	row, err := db.rowOfOperator(operator)
	if err != nil {
		return err
	}
	_, err = tx.NamedExecContext(ctx, `UPDATE operators SET email = :email, name = :name, org_id = :org_id, roles = :roles,
			status = :status, password_hash = :password_hash, second_factor = :second_factor, seal_key_id = :seal_key_id, token_hash = :token_hash,
			token_expires_at = :token_expires_at, updated_at = :updated_at, updated_by = :updated_by, version = :version
		WHERE id = :id`, row)
	if err != nil || operator.Status == oauth.StatusActive && !otherPassword {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1`, operator.ID)
	return err
}

// resealSecondFactors seals those that another master key sealed under the one in force, and answers how many they were.
func (db *DB) resealSecondFactors(ctx context.Context, tx *sqlx.Tx) (resealed int, err error) {
	var rows []operatorRow
	err = tx.SelectContext(ctx, &rows, selectOperators+`WHERE o.seal_key_id <> $1`, db.seal.id())
	if err != nil {
		return 0, err
	}
	for i := range rows {
		operator, err := db.operatorOf(&rows[i])
		if err != nil {
			return 0, err
		}
		if err := db.updateOperator(ctx, tx, operator, false); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// keeperIsLeft answers whether anybody could manage operators in the whole installation: an active admin of it, or an
// active program with that permission.
func keeperIsLeft(ctx context.Context, tx *sqlx.Tx) (bool, error) {
	var admins int
	err := tx.GetContext(ctx, &admins, `SELECT COUNT(*) FROM operators
		WHERE org_id IS NULL AND status = 'active' AND CAST(roles AS TEXT) LIKE '%"admin"%'`)
	if err != nil || admins > 0 {
		return admins > 0, err
	}
	var programs []document[[]oauth.Grant]
	err = tx.SelectContext(ctx, &programs, `SELECT c.grants FROM clients c JOIN tenants t ON t.id = c.org_id
		JOIN grant_permissions g ON g.client_id = c.id
		WHERE g.api = $1 AND g.permission = $2 AND c.status = 'active' AND t.status = 'active'
			AND CAST(c.grants AS TEXT) LIKE '%"installation"%' LIMIT 100`, admin.ManagementAPI, admin.OperatorsWrite)
	for _, grants := range programs {
		for _, grant := range grants.of {
			if grant.API == admin.ManagementAPI && grant.AppliesTo.Installation {
				return true, nil
			}
		}
	}
	return false, err
}
