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
	var ids []string
	for _, client := range clients {
		ids = append(ids, client.OrgID)
		for _, grant := range client.Grants {
			ids = append(ids, placesOf(grant)...)
		}
	}
	slices.Sort(ids)
	tenants, err := r.store.TenantsByID(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(tenants))
	for _, tenant := range tenants {
		names[tenant.ID] = tenant.Name
	}
	apis, err := r.store.APIs(ctx)
	if err != nil {
		return nil, err
	}
	catalog := oauth.NewCatalog(apis, nil)
	summaries := make([][]string, len(clients))
	for i, client := range clients {
		summaries[i] = []string{}
		for _, grant := range client.Grants {
			summaries[i] = append(summaries[i], sentences(catalog.API(grant.API), grant, client.OrgID, names)...)
		}
	}
	return summaries, nil
}

func sentences(api *oauth.API, grant oauth.Grant, orgID string, names map[string]string) []string {
	if api == nil {
		return nil
	}
	var texts []string
	for _, key := range grant.Permissions {
		permission, _ := api.Permission(key)
		what := permission.Sentence
		if what == "" {
			what = permission.Name + " (" + api.Name + ")"
		}
		texts = append(texts, what+" "+where(grant.AppliesTo, names[orgID], names))
	}
	return texts
}

func where(places oauth.Places, org string, names map[string]string) string {
	var parts []string
	switch {
	case places.Installation:
		return "in the whole installation"
	case places.Org:
		return "throughout " + org
	case len(places.Accounts) > 0:
		parts = append(parts, "in "+enumerate(places.Accounts, names, "accounts"))
	}
	if len(places.Workspaces) > 0 {
		parts = append(parts, "in "+enumerate(places.Workspaces, names, "workspaces"))
	}
	if len(places.AllWorkspacesOf) > 0 {
		parts = append(parts, "in every workspace of "+enumerate(places.AllWorkspacesOf, names, "accounts"))
	}
	return strings.Join(parts, " and ")
}

// enumerate names three places at most, and counts the rest.
func enumerate(ids []string, names map[string]string, noun string) string {
	const most = 3
	var named []string
	for _, id := range ids[:min(most, len(ids))] {
		named = append(named, names[id])
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
