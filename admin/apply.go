package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Declaration is a state of tree and catalogue that somebody wants, as a file writes it.
type Declaration struct {
	Tenants []DeclaredTenant `json:"tenants"`
	APIs    []DeclaredAPI    `json:"apis"`
}

// DeclaredTenant is an oauth.Tenant as a file writes it. A parent stands before its children.
type DeclaredTenant struct {
	ID       string       `json:"id"`
	Level    oauth.Level  `json:"level"`
	Name     string       `json:"name"`
	ParentID string       `json:"parent_id"`
	Status   oauth.Status `json:"status"`
}

// DeclaredAPI is an oauth.API as a file writes it.
type DeclaredAPI struct {
	Key         string             `json:"key"`
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Audience    string             `json:"audience"`
	Level       oauth.Level        `json:"level"`
	Choice      oauth.Choice       `json:"choice"`
	Permissions []oauth.Permission `json:"permissions"`
	GrantableBy []string           `json:"grantable_by"`
	// TokenLifetime is in seconds.
	TokenLifetime int64        `json:"token_lifetime"`
	Status        oauth.Status `json:"status"`
}

// ParseDeclaration reads a declaration from YAML or JSON. A field it does not know is an error.
func ParseDeclaration(text []byte) (Declaration, error) {
	var declared Declaration
	inJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return declared, fmt.Errorf("reading the declaration: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(inJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&declared); err != nil {
		return declared, fmt.Errorf("reading the declaration: %w", err)
	}
	return declared, nil
}

// apply brings tree and catalogue to the declared state. What is so already is left alone, so that applying twice
// changes nothing. What is not declared stays as it is.
func apply(ctx context.Context, store Store, actor Actor, declared Declaration, now func() time.Time) error {
	orgs := make(map[string]string, len(declared.Tenants)) // A tenant's id to its org's.
	for _, want := range declared.Tenants {
		tenant := oauth.Tenant{
			ID: want.ID, Level: want.Level, Name: want.Name, ParentID: want.ParentID,
			OrgID: want.ID, Status: orActive(want.Status),
		}
		if want.ParentID != "" {
			org, declared := orgs[want.ParentID]
			if !declared {
				return fmt.Errorf("tenant %q: its parent %q is not declared before it", want.ID, want.ParentID)
			}
			tenant.OrgID = org
		}
		orgs[want.ID] = tenant.OrgID
		if err := putTenant(ctx, store, actor, tenant, now()); err != nil {
			return fmt.Errorf("tenant %q: %w", want.ID, err)
		}
	}
	for _, want := range declared.APIs {
		api := oauth.API{
			Key: want.Key, Name: want.Name, Description: want.Description, Audience: want.Audience,
			Level: want.Level, Choice: want.Choice, Permissions: want.Permissions, GrantableBy: want.GrantableBy,
			TokenLifetime: time.Duration(want.TokenLifetime) * time.Second, Status: orActive(want.Status),
		}
		if err := putAPI(ctx, store, actor, api, now()); err != nil {
			return fmt.Errorf("API %q: %w", want.Key, err)
		}
	}
	return nil
}

func putTenant(ctx context.Context, store Store, actor Actor, tenant oauth.Tenant, now time.Time) error {
	before, err := store.Tenant(ctx, tenant.ID)
	if err != nil && !errors.Is(err, oauth.ErrNotFound) {
		return err
	}
	change := Change{To: mustJSON(tenant)}
	if before != nil {
		tenant.Version = before.Version
		if before.Tenant == tenant {
			return nil
		}
		change.From = mustJSON(before.Tenant)
	}
	event := newEvent(actor, now, "tenant.put", tenant.ID, tenant.OrgID, map[string]Change{"tenant": change})
	return store.PutTenant(ctx, tenant, event)
}

func putAPI(ctx context.Context, store Store, actor Actor, api oauth.API, now time.Time) error {
	before, err := store.API(ctx, api.Key)
	if err != nil && !errors.Is(err, oauth.ErrNotFound) {
		return err
	}
	change := Change{To: mustJSON(api)}
	if before != nil {
		api.Version = before.Version
		if reflect.DeepEqual(*before, api) {
			return nil
		}
		change.From = mustJSON(before)
	}
	event := newEvent(actor, now, "api.put", api.Key, "", map[string]Change{"api": change})
	return store.PutAPI(ctx, api, event)
}

func orActive(status oauth.Status) oauth.Status {
	if status == "" {
		return oauth.StatusActive
	}
	return status
}

// mustJSON writes one of our own structs of strings, numbers and lists, which always marshal.
func mustJSON(value any) json.RawMessage {
	text, _ := json.Marshal(value)
	return text
}
