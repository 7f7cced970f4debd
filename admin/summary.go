package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Summaries says in plain sentences what each client's grants allow, in the same words everywhere.
func (r *Registrar) Summaries(ctx context.Context, clients []oauth.Client) ([][]string, error) {
	words, err := readVocabulary(ctx, r.store, clients)
	if err != nil {
		return nil, err
	}
	summaries := make([][]string, len(clients))
	for i := range clients {
		summaries[i] = words.summary(&clients[i])
	}
	return summaries, nil
}

// vocabulary is what the grants of clients name, in the catalogue and in the tree.
type vocabulary struct {
	catalog *oauth.Catalog
	tenants map[string]oauth.Tenant // By their ids; the clients' orgs among them.
}

// readVocabulary reads what the grants of the clients name.
func readVocabulary(ctx context.Context, store Store, clients []oauth.Client) (vocabulary, error) {
	var ids []string
	for _, client := range clients {
		ids = append(ids, client.OrgID)
		for _, grant := range client.Grants {
			ids = append(ids, placesOf(grant)...)
		}
	}
	slices.Sort(ids)
	tenants, err := store.TenantsByID(ctx, slices.Compact(ids))
	if err != nil {
		return vocabulary{}, err
	}
	apis, err := store.APIs(ctx)
	if err != nil {
		return vocabulary{}, err
	}
	v := vocabulary{oauth.NewCatalog(apis, nil), make(map[string]oauth.Tenant, len(tenants))}
	for _, tenant := range tenants {
		v.tenants[tenant.ID] = tenant
	}
	return v, nil
}

// summary says in plain sentences what the client's grants allow.
func (v *vocabulary) summary(client *oauth.Client) []string {
	texts := []string{}
	for _, grant := range client.Grants {
		api := v.catalog.API(grant.API)
		if api == nil {
			continue
		}
		for _, key := range grant.Permissions {
			permission, _ := api.Permission(key)
			what := permission.Sentence
			if what == "" {
				what = permission.Name + " (" + api.Name + ")"
			}
			texts = append(texts, what+" "+v.where(grant.AppliesTo, client.OrgID))
		}
	}
	return texts
}

func (v *vocabulary) where(places oauth.Places, orgID string) string {
	var parts []string
	switch {
	case places.Installation:
		return "in the whole installation"
	case places.Org:
		return "throughout " + v.tenants[orgID].Name
	case len(places.Accounts) > 0:
		parts = append(parts, "in "+v.enumerate(places.Accounts, "accounts"))
	}
	if len(places.Workspaces) > 0 {
		parts = append(parts, "in "+v.enumerate(places.Workspaces, "workspaces"))
	}
	if len(places.AllWorkspacesOf) > 0 {
		parts = append(parts, "in every workspace of "+v.enumerate(places.AllWorkspacesOf, "accounts"))
	}
	return strings.Join(parts, " and ")
}

// enumerate names three places at most, and counts the rest.
func (v *vocabulary) enumerate(ids []string, noun string) string {
	const most = 3
	var named []string
	for _, id := range ids[:min(most, len(ids))] {
		named = append(named, v.tenants[id].Name)
	}
	if rest := len(ids) - most; rest > 0 {
		if rest == 1 {
			noun = strings.TrimSuffix(noun, "s")
		}
		return fmt.Sprintf("%s and %d more %s", strings.Join(named, ", "), rest, noun)
	}
	if last := len(named) - 1; last > 0 {
		return strings.Join(named[:last], ", ") + " and " + named[last]
	}
	return named[0]
}
