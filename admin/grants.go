package admin

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/latchkey-auth/latchkey/oauth"
)

// The limits of a credential's grants. They keep a token small enough for a header.
const (
	maxGrants      = 50
	maxPermissions = 100
	maxPlaces      = 200
)

// checkGrants judges the grants as a whole, writes them onto the client with the places that could be chosen for
// the caller, and notes all that is wrong. A grant that the client holds already is not judged again: an edit of
// the name must not fail because an API has since been switched off.
func (r *Registrar) checkGrants(ctx context.Context, actor Actor, outcome *Outcome, grants []oauth.Grant, errs *FieldErrors) error {
	switch {
	case len(grants) == 0:
		errs.add("/grants", "required", "a credential needs at least one grant")
		return nil
	case len(grants) > maxGrants:
		errs.add("/grants", "too_many", "at most %d grants are allowed", maxGrants)
		return nil
	}
	if !sizeOK(grants, errs) {
		return nil
	}
	client := outcome.Client
	held := client.Grants
	client.Grants = slices.Clone(grants)
	check := grantCheck{actor: actor, errs: errs, outcome: outcome}
	if err := check.load(ctx, r.store); err != nil {
		return err
	}
	for i := range client.Grants {
		grant := &client.Grants[i]
		at := pointer("/grants", i)
		if slices.ContainsFunc(client.Grants[:i], func(g oauth.Grant) bool { return g.API == grant.API }) {
			errs.add(at+"/api", "repeated", "the API %q has a grant already: put the permissions together", grant.API)
			continue
		}
		if slices.ContainsFunc(held, func(g oauth.Grant) bool { return reflect.DeepEqual(g, *grant) }) {
			continue
		}
		check.grant(at, grant)
	}
	outcome.Summary = check.summary(client)
	return nil
}

// sizeOK notes what is more than anybody can mean, which then need not be judged in detail.
func sizeOK(grants []oauth.Grant, errs *FieldErrors) bool {
	places, fits := 0, true
	for i, grant := range grants {
		if len(grant.Permissions) > maxPermissions {
			errs.add(pointer("/grants", i)+"/permissions", "too_many", "at most %d permissions are allowed", maxPermissions)
			fits = false
		}
		places += len(placesOf(grant))
	}
	if places > maxPlaces {
		errs.add("/grants", "too_many", "at most %d places are allowed in one credential; name whole accounts instead", maxPlaces)
		fits = false
	}
	return fits
}

// placesOf answers the ids of all places that the grant names.
func placesOf(grant oauth.Grant) []string {
	places := grant.AppliesTo
	return slices.Concat(places.Accounts, places.Workspaces, places.AllWorkspacesOf)
}

// grantCheck judges the grants of one client against the catalogue and the tree.
type grantCheck struct {
	vocabulary
	actor   Actor
	only    map[oauth.Level]*oauth.Tenant // The one tenant of the org at a level, where there is but one.
	errs    *FieldErrors
	outcome *Outcome
}

// load reads all that the client's grants name, and what may have to be chosen for the caller.
func (c *grantCheck) load(ctx context.Context, store Store) (err error) {
	client := c.outcome.Client
	if c.vocabulary, err = readVocabulary(ctx, store, []oauth.Client{*client}); err != nil {
		return err
	}
	if !slices.ContainsFunc(client.Grants, func(grant oauth.Grant) bool { return nowhere(grant.AppliesTo) }) {
		return nil
	}
	return c.loadOnly(ctx, store)
}

// nowhere reports whether nothing at all is said of the places.
func nowhere(places oauth.Places) bool { return reflect.ValueOf(places).IsZero() }

func (c *grantCheck) loadOnly(ctx context.Context, store Store) error {
	c.only = make(map[oauth.Level]*oauth.Tenant, 2)
	parent := c.outcome.Client.OrgID
	for _, level := range []oauth.Level{oauth.LevelAccount, oauth.LevelWorkspace} {
		children, err := store.Tenants(ctx, TenantQuery{Org: c.outcome.Client.OrgID, Parent: parent, Limit: 2})
		if err != nil {
			return err
		}
		if len(children) != 1 {
			return nil
		}
		only := &children[0].Tenant
		c.only[level], c.tenants[only.ID] = only, *only
		parent = only.ID
	}
	return nil
}

func (c *grantCheck) grant(at string, grant *oauth.Grant) {
	api := c.catalog.API(grant.API)
	switch {
	case grant.API == "":
		c.errs.add(at+"/api", "required", "name an API of the catalogue")
		return
	case api == nil:
		c.errs.add(at+"/api", "unknown", "there is no API %q", grant.API)
		return
	case api.Status != oauth.StatusActive:
		c.errs.add(at+"/api", "inactive", "the API %q is inactive", grant.API)
		return
	}
	c.permissions(at+"/permissions", api, grant)
	c.places(at+"/applies_to", api, grant)
	for i, permission := range grant.Permissions {
		if _, exists := api.Permission(permission); exists && !c.actor.mayGrant(api, permission, grant.AppliesTo) {
			c.errs.add(pointer(at+"/permissions", i), notGrantable, "you may not hand out %s there", api.ScopeOf(permission))
		}
	}
}

func (c *grantCheck) permissions(at string, api *oauth.API, grant *oauth.Grant) {
	if len(grant.Permissions) == 0 && len(api.Permissions) == 1 {
		grant.Permissions = []string{api.Permissions[0].Key}
		c.outcome.warn("%s: its only permission, %q, was selected for you", api.Name, api.Permissions[0].Key)
		return
	}
	switch {
	case len(grant.Permissions) == 0:
		c.errs.add(at, "required", "choose a permission of the API %q", api.Key)
	case api.Choice == oauth.ChoiceOne && len(grant.Permissions) > 1:
		c.errs.add(at, "too_many", "the API %q allows one permission in a grant", api.Key)
	}
	for i, permission := range grant.Permissions {
		if _, exists := api.Permission(permission); !exists {
			c.errs.add(pointer(at, i), "unknown", "the API %q has no permission %q", api.Key, permission)
		}
		if slices.Contains(grant.Permissions[:i], permission) {
			c.errs.add(pointer(at, i), "repeated", "the permission %q is named twice", permission)
		}
	}
}

// places checks that the grant applies at the API's level, and to places of the client's org.
func (c *grantCheck) places(at string, api *oauth.API, grant *oauth.Grant) {
	places := &grant.AppliesTo
	if nowhere(*places) && !c.choosePlaces(api, places) {
		c.errs.add(at, "required", "say where it applies: %s", placesAt(api.Level))
		return
	}
	allowed := map[oauth.Level][]bool{ // installation, org, accounts, workspaces, all_workspaces_of
		oauth.LevelInstallation: {true, true, false, false, false},
		oauth.LevelOrg:          {false, true, false, false, false},
		oauth.LevelAccount:      {false, false, true, false, false},
		oauth.LevelWorkspace:    {false, false, false, true, true},
	}[api.Level]
	named := []struct {
		member string
		used   bool
		ids    []string
		level  oauth.Level
	}{
		{"installation", places.Installation, nil, ""},
		{"org", places.Org, nil, ""},
		{"accounts", places.Accounts != nil, places.Accounts, oauth.LevelAccount},
		{"workspaces", places.Workspaces != nil, places.Workspaces, oauth.LevelWorkspace},
		{"all_workspaces_of", places.AllWorkspacesOf != nil, places.AllWorkspacesOf, oauth.LevelAccount},
	}
	for i, part := range named {
		if part.used && !allowed[i] {
			c.errs.add(at+"/"+part.member, "wrong_level", "the API %q holds at the level %q: say %s", api.Key, api.Level, placesAt(api.Level))
			continue
		}
		if part.used && part.level != "" && len(part.ids) == 0 {
			c.errs.add(at+"/"+part.member, "required", "name at least one place")
		}
		c.tenantsAt(at+"/"+part.member, part.ids, part.level)
	}
	if places.Installation && places.Org {
		c.errs.add(at, "contradictory", "say either installation or org")
	}
}

func (c *grantCheck) tenantsAt(at string, ids []string, level oauth.Level) {
	for i, id := range ids {
		tenant, exists := c.tenants[id]
		switch {
		// Another org's places are as unknown as those that do not exist.
		case !exists || tenant.OrgID != c.outcome.Client.OrgID:
			c.errs.add(pointer(at, i), "unknown", "the org has no %s %q", level, id)
		case tenant.Level != level:
			c.errs.add(pointer(at, i), "wrong_level", "%q is not at the level %q but %q", id, level, tenant.Level)
		case slices.Contains(ids[:i], id):
			c.errs.add(pointer(at, i), "repeated", "%q is named twice", id)
		case tenant.Status != oauth.StatusActive:
			c.outcome.warn("%s is inactive: nothing holds there until it is activated", tenant.Name)
		}
	}
}

// choosePlaces fills in the places where only one choice exists, and says so.
func (c *grantCheck) choosePlaces(api *oauth.API, places *oauth.Places) bool {
	where := "the whole organization"
	switch only := c.only[api.Level]; {
	case api.Level == oauth.LevelOrg:
		places.Org = true
	case only == nil:
		return false
	case api.Level == oauth.LevelAccount:
		places.Accounts, where = []string{only.ID}, only.Name
	default:
		places.Workspaces, where = []string{only.ID}, only.Name
	}
	c.outcome.warn("%s: %s, the only choice, was selected for you", api.Name, where)
	return true
}

func placesAt(level oauth.Level) string {
	switch level {
	case oauth.LevelInstallation:
		return `{"installation": true} or {"org": true}`
	case oauth.LevelOrg:
		return `{"org": true}`
	case oauth.LevelAccount:
		return `{"accounts": [...]}`
	default:
		return `{"workspaces": [...]} or {"all_workspaces_of": [...]}`
	}
}

// pointer answers the JSON pointer of a list's element (RFC 6901).
func pointer(list string, index int) string { return fmt.Sprintf("%s/%d", list, index) }
