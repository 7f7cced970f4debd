package storage

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func clientByID(ctx context.Context, from sqlx.QueryerContext, id string) (*oauth.Client, error) {
	if !storable(id) {
		return nil, sql.ErrNoRows
	}
	var rows []*joinedRow
	if err := sqlx.SelectContext(ctx, from, &rows, selectClient, id); err != nil {
		return nil, err
	}
	return only(rows)
}

// Client implements admin.Store.
func (db *DB) Client(ctx context.Context, id string) (client *oauth.Client, err error) {
	err = db.ask(recurring(ctx, true), fmt.Sprintf("reading client %q", id), func(ctx context.Context) error {
		client, err = clientByID(ctx, db.from(), id)
		return err
	})
	return client, err
}

// CreateClient implements admin.Store.
func (db *DB) CreateClient(ctx context.Context, client *oauth.Client, event admin.Event) error {
	_, err := db.change(ctx, fmt.Sprintf("creating client %q", client.ID), []string{subjectClient + client.ID},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			return true, insertClients(ctx, tx, &event, client)
		})
	return err
}

// insertClients stores new clients, and the event that tells of them.
func insertClients(ctx context.Context, tx *sqlx.Tx, event *admin.Event, clients ...*oauth.Client) error {
	var writes bundle
	rows := make([]clientRow, len(clients))
	for i, client := range clients {
		rows[i] = rowOfClient(client)
	}
	addRows(&writes, `INSERT INTO clients (id, org_id, name, note, owner, status, auth_method, jwks,
			jwks_uri, certificate_field, certificate_value, grants, token_lifetime, quota_per_hour, quota_per_day, dpop_required, allowed_cidrs, created_at, created_by, updated_at, updated_by, version)
		VALUES (:id, :org_id, :name, :note, :owner, :status, :auth_method, :jwks,
			:jwks_uri, :certificate_field, :certificate_value, :grants, :token_lifetime, :quota_per_hour, :quota_per_day, :dpop_required, :allowed_cidrs, :created_at, :created_by, :updated_at, :updated_by, :version)`, rows)
	addGrants(&writes, clients...)
	addUsage(&writes, clients...)
	addSecrets(&writes, clients...)
	if err := addSlots(ctx, tx, &writes, clients); err != nil {
		return err
	}
	if err := addEvent(ctx, tx, &writes, event); err != nil {
		return err
	}
	return writes.send(ctx, tx)
}

// UpdateClient implements admin.Store. The function change must be quick, and must not ask this store anything:
// every other change in the installation waits for it. A client's ID, its OrgID and when and by whom it was created
// stay as they are.
func (db *DB) UpdateClient(ctx context.Context, id string, change func(*oauth.Client) (*admin.Event, error)) error {
	var refusal error
	_, err := db.change(ctx, fmt.Sprintf("changing client %q", id), []string{subjectClient + id},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			client, err := clientByID(ctx, tx, id)
			if err != nil {
				return false, err
			}
			before := copyOf(client)
			event, err := change(client)
			if err != nil || event == nil {
				refusal = err
				return false, nil
			}
			client.ID, client.OrgID = before.ID, before.OrgID
			return true, updateClient(ctx, tx, before, client, event)
		})
	if refusal != nil {
		return refusal
	}
	return err
}

// copyOf answers a copy that stays as it is, whatever is done to the client.
func copyOf(client *oauth.Client) *oauth.Client {
	copied := *client
	copied.Keys, copied.Secrets, copied.Grants = slices.Clone(client.Keys), slices.Clone(client.Secrets), slices.Clone(client.Grants)
	copied.AllowedCIDRs = slices.Clone(client.AllowedCIDRs)
	for i := range copied.Grants {
		grant := &copied.Grants[i]
		grant.Permissions = slices.Clone(grant.Permissions)
		at := &grant.AppliesTo
		at.Accounts, at.Workspaces, at.AllWorkspacesOf = slices.Clone(at.Accounts), slices.Clone(at.Workspaces), slices.Clone(at.AllWorkspacesOf)
	}
	return &copied
}

// updateClient stores a changed client, its grants and secrets only if they are not as they were, the end of its tokens if
// it loses anything, and the event that tells of it.
func updateClient(ctx context.Context, tx *sqlx.Tx, before, client *oauth.Client, event *admin.Event) error {
	var writes bundle
	if status := before.StatusAfter(client, event.At); status != oauth.TokensValid {
		if err := addRetirement(ctx, tx, &writes, client, status, event.At); err != nil {
			return err
		}
	}
	deleted := client.Status == oauth.StatusDeleted
	if deleted {
		client.Grants, client.Secrets = nil, nil
	}
	row := rowOfClient(client)
	if deleted {
		row.DeletedAt = moment{event.At}
		writes.add(`DELETE FROM client_slots WHERE client_id = :id`, row)
	}
	if before.Status == oauth.StatusInactive && client.Status != oauth.StatusInactive {
		// What was suspended never comes back, even if the client does.
		writes.add(`UPDATE retired_slots SET status = 1 WHERE client_id = :id AND status = 2`, row)
	}
	writes.add(`UPDATE clients SET name = :name, note = :note, owner = :owner, status = :status,
			auth_method = :auth_method, jwks = :jwks, jwks_uri = :jwks_uri,
			certificate_field = :certificate_field, certificate_value = :certificate_value, grants = :grants,
			token_lifetime = :token_lifetime, quota_per_hour = :quota_per_hour, quota_per_day = :quota_per_day, dpop_required = :dpop_required, allowed_cidrs = :allowed_cidrs, updated_at = :updated_at, updated_by = :updated_by, version = :version,
			deleted_at = :deleted_at
		WHERE id = :id`, row)
	// What is deleted here goes before the rest: of grants and secrets the same may be inserted again, and a batch of usage may
	// be waited for.
	if deleted {
		if err := deleteUsage(ctx, tx, client); err != nil {
			return err
		}
	} else if client.Status != before.Status {
		writes.add(`UPDATE client_usage SET status = :status WHERE client_id = :id`, row)
	}
	if !reflect.DeepEqual(client.Grants, before.Grants) {
		if err := deleteGrants(ctx, tx, client.ID); err != nil {
			return err
		}
		addGrants(&writes, client)
	}
	if !slices.Equal(client.Secrets, before.Secrets) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM secrets WHERE client_id = $1`, client.ID); err != nil {
			return err
		}
		addSecrets(&writes, client)
	}
	if err := addEvent(ctx, tx, &writes, event); err != nil {
		return err
	}
	return writes.send(ctx, tx)
}
