package storage

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/oauth"
)

// The grants of a client are read from its own row. They stand in two tables beside it once more, written from the
// same value in the same transaction, for what JSON cannot do: foreign keys hold them to the catalogue and to the
// places of the client's own org.

type permissionRow struct {
	ClientID   string `db:"client_id"`
	API        string `db:"api"`
	Permission string `db:"permission"`
}

type placeRow struct {
	ClientID string `db:"client_id"`
	OrgID    string `db:"org_id"`
	API      string `db:"api"`
	TenantID string `db:"tenant_id"`
}

func addGrants(writes *bundle, clients ...*oauth.Client) {
	var permissions []permissionRow
	var places []placeRow
	for _, client := range clients {
		for _, grant := range client.Grants {
			for _, permission := range grant.Permissions {
				permissions = append(permissions, permissionRow{client.ID, grant.API, permission})
			}
			at := grant.AppliesTo
			tenants := slices.Concat(at.Accounts, at.Workspaces, at.AllWorkspacesOf)
			if at.Org {
				tenants = append(tenants, client.OrgID)
			}
			for _, tenant := range tenants {
				places = append(places, placeRow{client.ID, client.OrgID, grant.API, tenant})
			}
		}
	}
	// A tenant may be named twice by one grant, as a workspace's account and for all its workspaces.
	addRows(writes, `INSERT INTO grant_permissions (client_id, api, permission)
		VALUES (:client_id, :api, :permission) ON CONFLICT DO NOTHING`, permissions)
	addRows(writes, `INSERT INTO grant_places (client_id, org_id, api, tenant_id)
		VALUES (:client_id, :org_id, :api, :tenant_id) ON CONFLICT DO NOTHING`, places)
}

func deleteGrants(ctx context.Context, tx *sqlx.Tx, clientID string) error {
	for _, statement := range []string{
		`DELETE FROM grant_permissions WHERE client_id = $1`,
		`DELETE FROM grant_places WHERE client_id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, clientID); err != nil {
			return err
		}
	}
	return nil
}
