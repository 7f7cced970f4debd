package rest

import (
	"encoding/hex"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// credential is an oauth.Client as the wire shows it. It never holds a secret or a hash.
type credential struct {
	ClientID      string              `json:"client_id"`
	OrgID         string              `json:"org_id"`
	Name          string              `json:"name"`
	Note          string              `json:"note"`
	Owner         string              `json:"owner"`
	Status        oauth.Status        `json:"status"`
	AuthMethod    oauth.AuthMethod    `json:"auth_method"`
	JWKS          *jose.JSONWebKeySet `json:"jwks"`
	JWKSURI       *string             `json:"jwks_uri"`
	SubjectDN     string              `json:"tls_client_auth_subject_dn,omitempty"` // At most one of these five.
	SANDNS        string              `json:"tls_client_auth_san_dns,omitempty"`
	SANURI        string              `json:"tls_client_auth_san_uri,omitempty"`
	SANIP         string              `json:"tls_client_auth_san_ip,omitempty"`
	SANEmail      string              `json:"tls_client_auth_san_email,omitempty"`
	TokenLifetime int64               `json:"token_lifetime"`       // Seconds; 0 leaves it to the APIs.
	QuotaPerHour  int64               `json:"token_quota_per_hour"` // 0 for any number.
	QuotaPerDay   int64               `json:"token_quota_per_day"`
	DPoPRequired  bool                `json:"dpop_required"`
	AllowedCIDRs  []string            `json:"allowed_cidrs"`
	Grants        []grant             `json:"grants"`
	Summary       []string            `json:"summary"`
	Secrets       []secret            `json:"secrets"`
	LastUsedAt    *time.Time          `json:"last_used_at"`
	Usage         usage               `json:"usage"`
	Attention     []admin.Attention   `json:"attention"`
	CreatedAt     time.Time           `json:"created_at"`
	CreatedBy     string              `json:"created_by"`
	UpdatedAt     time.Time           `json:"updated_at"`
	UpdatedBy     string              `json:"updated_by"`
	Version       int64               `json:"version"`
}

// grant is an oauth.Grant on the wire; the two have the same shape.
type grant oauth.Grant

type secret struct {
	ID         string     `json:"id"`
	Hint       string     `json:"hint"`
	Status     string     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	ExpiresAt  *time.Time `json:"expires_at"`
	StopsAt    *time.Time `json:"stops_at"`
	StoppedAt  *time.Time `json:"stopped_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	LastUsedIP *string    `json:"last_used_ip"`
}

func credentialOf(client *oauth.Client, summary []string, used *admin.ClientUsage, now time.Time) credential {
	wire := credential{
		ClientID: client.ID, OrgID: client.OrgID, Name: client.Name, Note: client.Note, Owner: client.Owner,
		Status: client.Status, AuthMethod: client.AuthMethod, TokenLifetime: int64(client.TokenLifetime / time.Second),
		QuotaPerHour: client.Quota.PerHour, QuotaPerDay: client.Quota.PerDay,
		JWKSURI: orNull(client.KeysURL), DPoPRequired: client.DPoPRequired, AllowedCIDRs: []string{}, Grants: []grant{}, Summary: summary,
		Secrets:    secretsOf(client, used, now),
		LastUsedAt: orNull(used.IssuedAt), Usage: usageOf(used), Attention: admin.AttentionOf(client, used, now),
		CreatedAt: client.CreatedAt, CreatedBy: client.CreatedBy,
		UpdatedAt: client.UpdatedAt, UpdatedBy: client.UpdatedBy, Version: client.Version,
	}
	for _, network := range client.AllowedCIDRs {
		wire.AllowedCIDRs = append(wire.AllowedCIDRs, network.String())
	}
	for _, held := range client.Grants {
		wire.Grants = append(wire.Grants, grant(held))
	}
	switch name := client.Certificate; name.Field {
	case oauth.SubjectDN:
		wire.SubjectDN = name.Value
	case oauth.SANDNS:
		wire.SANDNS = name.Value
	case oauth.SANURI:
		wire.SANURI = name.Value
	case oauth.SANIP:
		wire.SANIP = name.Value
	case oauth.SANEmail:
		wire.SANEmail = name.Value
	}
	if client.Keys != nil {
		wire.JWKS = &jose.JSONWebKeySet{Keys: client.Keys}
	}
	return wire
}

func secretsOf(client *oauth.Client, used *admin.ClientUsage, now time.Time) []secret {
	current := client.CurrentSecret(now)
	wire := make([]secret, len(client.Secrets))
	for i := range client.Secrets {
		kept := &client.Secrets[i]
		wire[i] = secret{
			ID: kept.ID, Hint: kept.Hint, Status: secretStatus(kept, kept == current, now),
			CreatedAt: kept.CreatedAt, CreatedBy: kept.CreatedBy,
			ExpiresAt: orNull(kept.ExpiresAt), StopsAt: orNull(kept.StopsAt), StoppedAt: orNull(kept.StoppedAt),
			LastUsedAt: orNull(used.Secrets[kept.ID].At), LastUsedIP: orNull(used.Secrets[kept.ID].From),
		}
	}
	return wire
}

const (
	statusCurrent  = "current"
	statusPrevious = "previous"
	statusStopped  = "stopped"
	statusExpired  = "expired"
)

// secretStatus says what became of a secret. What was stopped before it could expire was stopped.
func secretStatus(s *oauth.Secret, current bool, now time.Time) string {
	switch {
	case current:
		return statusCurrent
	case s.Usable(now):
		return statusPrevious
	case s.StoppedAt.IsZero() && !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt):
		return statusExpired
	default:
		return statusStopped
	}
}

type api struct {
	Key           string             `json:"key"`
	Name          string             `json:"name"`
	Description   string             `json:"description"`
	Audience      string             `json:"audience"`
	Level         oauth.Level        `json:"level"`
	Choice        oauth.Choice       `json:"choice"`
	Permissions   []oauth.Permission `json:"permissions"`
	GrantableBy   []string           `json:"grantable_by"`
	TokenLifetime int64              `json:"token_lifetime"` // Seconds.
	SigningAlg    *string            `json:"signing_alg"`    // Null leaves it to the installation.
	Status        oauth.Status       `json:"status"`
	Version       int64              `json:"version"`
}

func apiOf(a *oauth.API) api {
	return api{
		Key: a.Key, Name: a.Name, Description: a.Description, Audience: a.Audience, Level: a.Level, Choice: a.Choice,
		Permissions: orEmpty(a.Permissions), GrantableBy: orEmpty(a.GrantableBy),
		TokenLifetime: int64(a.TokenLifetime / time.Second), SigningAlg: orNull(string(a.SigningAlg)), Status: a.Status, Version: a.Version,
	}
}

type tenant struct {
	ID            string       `json:"id"`
	Level         oauth.Level  `json:"level"`
	Name          string       `json:"name"`
	ParentID      *string      `json:"parent_id"`
	OrgID         string       `json:"org_id"`
	Status        oauth.Status `json:"status"`
	ChildrenCount int          `json:"children_count"`
	Version       int64        `json:"version"`
}

func tenantOf(t *admin.TenantRow) tenant {
	return tenant{
		ID: t.ID, Level: t.Level, Name: t.Name, ParentID: orNull(t.ParentID), OrgID: t.OrgID,
		Status: t.Status, ChildrenCount: t.Children, Version: t.Version,
	}
}

type event struct {
	Sequence  int64                   `json:"seq"`
	Hash      *string                 `json:"hash"` // In hex; null for an event from before there was a chain.
	ID        string                  `json:"id"`
	At        time.Time               `json:"at"`
	Actor     actor                   `json:"actor"`
	Action    string                  `json:"action"`
	Target    string                  `json:"target"`
	OrgID     *string                 `json:"org_id"`
	Changes   map[string]admin.Change `json:"changes"`
	RequestID string                  `json:"request_id"`
}

type actor struct {
	Kind    admin.ActorKind `json:"kind"`
	ID      string          `json:"id"`
	Address string          `json:"address"`
}

func eventOf(e *admin.EventRow) event {
	return event{
		Sequence: e.Sequence, Hash: orNull(hex.EncodeToString(e.Hash)),
		ID: e.ID, At: e.At, Actor: actor{e.ActorKind, e.ActorID, e.Address}, Action: e.Action, Target: e.Target,
		OrgID: orNull(e.OrgID), Changes: orNone(e.Changes), RequestID: e.RequestID,
	}
}

func orNone(changes map[string]admin.Change) map[string]admin.Change {
	if changes == nil {
		return map[string]admin.Change{}
	}
	return changes
}
