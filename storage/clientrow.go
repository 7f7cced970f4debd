package storage

import (
	"database/sql"
	"net/netip"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// clientRow is a row of clients.
type clientRow struct {
	ID            string                       `db:"id"`
	OrgID         string                       `db:"org_id"`
	Name          string                       `db:"name"`
	Note          string                       `db:"note"`
	Owner         string                       `db:"owner"`
	Status        oauth.Status                 `db:"status"`
	AuthMethod    oauth.AuthMethod             `db:"auth_method"`
	Keys          document[jose.JSONWebKeySet] `db:"jwks"`
	KeysURL       string                       `db:"jwks_uri"`
	CertField     oauth.CertificateField       `db:"certificate_field"`
	CertValue     string                       `db:"certificate_value"`
	Grants        document[[]oauth.Grant]      `db:"grants"`
	TokenLifetime int64                        `db:"token_lifetime"`
	QuotaPerHour  int64                        `db:"quota_per_hour"`
	QuotaPerDay   int64                        `db:"quota_per_day"`
	DPoPRequired  bool                         `db:"dpop_required"`
	AllowedCIDRs  document[[]netip.Prefix]     `db:"allowed_cidrs"`
	CreatedAt     moment                       `db:"created_at"`
	CreatedBy     string                       `db:"created_by"`
	UpdatedAt     moment                       `db:"updated_at"`
	UpdatedBy     string                       `db:"updated_by"`
	Version       int64                        `db:"version"`
	DeletedAt     moment                       `db:"deleted_at"`
}

func rowOfClient(client *oauth.Client) clientRow {
	return clientRow{
		ID: client.ID, OrgID: client.OrgID, Name: client.Name, Note: client.Note, Owner: client.Owner,
		Status: client.Status, AuthMethod: client.AuthMethod,
		Keys:          document[jose.JSONWebKeySet]{jose.JSONWebKeySet{Keys: client.Keys}},
		KeysURL:       client.KeysURL,
		CertField:     client.Certificate.Field,
		CertValue:     client.Certificate.Value,
		Grants:        document[[]oauth.Grant]{client.Grants},
		TokenLifetime: int64(client.TokenLifetime / time.Second),
		QuotaPerHour:  client.Quota.PerHour,
		QuotaPerDay:   client.Quota.PerDay,
		DPoPRequired:  client.DPoPRequired,
		AllowedCIDRs:  document[[]netip.Prefix]{client.AllowedCIDRs},
		CreatedAt:     moment{client.CreatedAt}, CreatedBy: client.CreatedBy,
		UpdatedAt: moment{client.UpdatedAt}, UpdatedBy: client.UpdatedBy,
		Version: client.Version,
	}
}

func (r *clientRow) client() oauth.Client {
	return oauth.Client{
		ID: r.ID, OrgID: r.OrgID, Name: r.Name, Note: r.Note, Owner: r.Owner,
		Status: r.Status, AuthMethod: r.AuthMethod, Keys: r.Keys.of.Keys, KeysURL: r.KeysURL, Grants: r.Grants.of,
		Certificate:   oauth.CertificateName{Field: r.CertField, Value: r.CertValue},
		TokenLifetime: time.Duration(r.TokenLifetime) * time.Second,
		Quota:         oauth.TokenQuota{PerHour: r.QuotaPerHour, PerDay: r.QuotaPerDay},
		DPoPRequired:  r.DPoPRequired,
		AllowedCIDRs:  r.AllowedCIDRs.of,
		CreatedAt:     r.CreatedAt.Time, CreatedBy: r.CreatedBy,
		UpdatedAt: r.UpdatedAt.Time, UpdatedBy: r.UpdatedBy,
		Version: r.Version,
	}
}

// clientColumns are all but deleted_at: no client that is answered has one.
const clientColumns = `c.id, c.org_id, c.name, c.note, c.owner, c.status, c.auth_method, c.jwks, c.jwks_uri,
	c.certificate_field, c.certificate_value, c.grants,
	c.token_lifetime, c.quota_per_hour, c.quota_per_day, c.dpop_required, c.allowed_cidrs, c.created_at, c.created_by, c.updated_at, c.updated_by, c.version`

// selectClient reads one client once for every secret it has: one statement, so that a client is never seen with the
// secrets of another moment.
const selectClient = `SELECT ` + clientColumns + `, k.slot, ` + secretColumns + `
	FROM clients c JOIN client_slots k ON k.client_id = c.id LEFT JOIN secrets s ON s.client_id = c.id
	WHERE c.id = $1 AND c.deleted_at IS NULL
	ORDER BY s.created_at DESC, s.id DESC`

// joinedRow is a client beside one of its secrets, and with its slot if that was asked for.
type joinedRow struct {
	clientRow
	Slot   int64     `db:"slot"`
	Secret secretRow `db:"secret"`
}

// fold puts the rows of each client together.
func fold(rows []*joinedRow) ([]oauth.Client, error) {
	clients := make([]oauth.Client, 0, len(rows))
	for _, row := range rows {
		if len(clients) == 0 || clients[len(clients)-1].ID != row.ID {
			clients = append(clients, row.client())
		}
		if !row.Secret.ID.Valid {
			continue
		}
		secret, err := row.Secret.secret()
		if err != nil {
			return nil, err
		}
		client := &clients[len(clients)-1]
		client.Secrets = append(client.Secrets, secret)
	}
	return clients, nil
}

// only answers the one client of the rows, or sql.ErrNoRows.
func only(rows []*joinedRow) (*oauth.Client, error) {
	clients, err := fold(rows)
	if err != nil {
		return nil, err
	}
	if len(clients) == 0 {
		return nil, sql.ErrNoRows
	}
	return &clients[0], nil
}
