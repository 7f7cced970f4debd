package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// placeOf answers where the tokens stand that a replica issues now.
func placeOf(t testing.TB, replica oauth.Store, id string) oauth.StatusPlace {
	t.Helper()
	client, err := replica.Client(t.Context(), id)
	must(t, err)
	return client.StatusPlace
}

// statusAt answers what the lists say of a place.
func statusAt(t testing.TB, replica oauth.Store, place oauth.StatusPlace) oauth.TokenStatus {
	t.Helper()
	retired, lists, err := replica.Retired(t.Context(), place.List)
	must(t, err)
	if place.List >= lists || place.Index < 0 || place.Index >= oauth.StatusListSize {
		t.Fatalf("the place %v is outside of %d lists", place, lists)
	}
	return retired[place.Index]
}

// testGenerations: what takes something from a client ends the tokens issued so far, in the same transaction, and
// nothing else does.
func testGenerations(t *testing.T, f *fixture) {
	f.plant(t)
	replica, other := f.Replica(t), f.Replica(t)
	client, bystander := f.create(t, "Robot"), f.create(t, "Bystander")
	grant := oauth.Grant{API: "aside", Permissions: []string{"use"}, AppliesTo: oauth.Places{Org: true}}
	must(t, f.Admin.PutAPI(t.Context(), oauth.API{
		Key: "aside", Audience: "https://aside.example", Level: oauth.LevelOrg, Choice: oauth.ChoiceOne, Status: oauth.StatusActive,
		Permissions: []oauth.Permission{{Key: "use", Name: "Use"}},
	}, f.event("api.put", "aside")))
	f.update(t, bystander.ID, func(client *oauth.Client) { client.Grants = []oauth.Grant{grant} })
	bystanding := placeOf(t, replica, bystander.ID)

	change := func(change func(*oauth.Client)) func() {
		return func() { f.update(t, client.ID, change) }
	}
	putAPI := func(change func(*oauth.API)) func() {
		return func() {
			api := f.api()
			change(&api)
			must(t, f.Admin.PutAPI(t.Context(), api, f.event("api.put", apiKey)))
		}
	}
	putTenant := func(id string, level oauth.Level, parent string, status oauth.Status) func() {
		return func() {
			must(t, f.Admin.PutTenant(t.Context(), oauth.Tenant{
				ID: id, Level: level, Name: "Renamed", ParentID: parent, OrgID: org, Status: status,
			}, f.event("tenant.put", id)))
		}
	}
	const valid, invalid, suspended = oauth.TokensValid, oauth.TokensInvalid, oauth.TokensSuspended
	for _, step := range []struct {
		what string
		do   func()
		want oauth.TokenStatus
	}{
		{"another name", change(func(c *oauth.Client) { c.Name, c.Note = "Renamed", "" }), valid},
		{"a grant more", change(func(c *oauth.Client) { c.Grants = append(c.Grants, grant) }), valid},
		{"a grant less", change(func(c *oauth.Client) { c.Grants = c.Grants[:1] }), invalid},
		{"a permission less, in place", change(func(c *oauth.Client) { c.Grants[0].Permissions = c.Grants[0].Permissions[:1] }), invalid},
		{"a place less, in place", change(func(c *oauth.Client) { c.Grants[0].AppliesTo.AllWorkspacesOf = nil }), invalid},
		{"inactive", change(func(c *oauth.Client) { c.Status = oauth.StatusInactive }), suspended},
		{"still inactive", change(func(c *oauth.Client) { c.Name = "Off" }), valid},
		{"active", change(func(c *oauth.Client) { c.Status = oauth.StatusActive }), valid},
		{"a secret stopped", change(func(c *oauth.Client) { c.Secrets[0].StoppedAt = f.start }), invalid},
		{"the API with another name", putAPI(func(api *oauth.API) { api.Name = "Renamed" }), valid},
		{"the API inactive", putAPI(func(api *oauth.API) { api.Status = oauth.StatusInactive }), suspended},
		{"the API still inactive", putAPI(func(api *oauth.API) { api.Status, api.Name = oauth.StatusInactive, "Off" }), valid},
		{"the API active", putAPI(func(*oauth.API) {}), valid},
		{"the API with another audience", putAPI(func(api *oauth.API) { api.Audience = "https://new.example" }), invalid},
		{"the workspace renamed", putTenant(workspace, oauth.LevelWorkspace, account, oauth.StatusActive), valid},
		{"the workspace inactive", putTenant(workspace, oauth.LevelWorkspace, account, oauth.StatusInactive), suspended},
		{"the workspace active", putTenant(workspace, oauth.LevelWorkspace, account, oauth.StatusActive), valid},
		{"the account inactive", putTenant(account, oauth.LevelAccount, org, oauth.StatusInactive), suspended},
		{"the account active", putTenant(account, oauth.LevelAccount, org, oauth.StatusActive), valid},
	} {
		before := placeOf(t, replica, client.ID)
		step.do()
		for i, replica := range []oauth.Store{replica, other} {
			after := placeOf(t, replica, client.ID)
			if got := statusAt(t, replica, before); got != step.want || (after == before) != (step.want == valid) {
				t.Errorf("%s, replica %d: the tokens from before are %d at %v, and new ones at %v; want %d", step.what, i, got, before, after, step.want)
			}
			if statusAt(t, replica, after) != valid {
				t.Errorf("%s, replica %d: new tokens are born dead", step.what, i)
			}
		}
	}
	// What is suspended is invalid for good when its client comes back or goes for ever.
	for what, status := range map[string]oauth.Status{"active again": oauth.StatusActive, "deleted": oauth.StatusDeleted} {
		suspect := f.create(t, "Suspect "+what)
		place := placeOf(t, replica, suspect.ID)
		f.update(t, suspect.ID, func(c *oauth.Client) { c.Status = oauth.StatusInactive })
		if got := statusAt(t, replica, place); got != suspended {
			t.Errorf("inactive: the tokens are %d", got)
		}
		f.update(t, suspect.ID, func(c *oauth.Client) { c.Status = status })
		if got := statusAt(t, replica, place); got != invalid {
			t.Errorf("inactive and then %s: the tokens are %d", what, got)
		}
	}
	if now := placeOf(t, replica, bystander.ID); now != bystanding || statusAt(t, replica, now) != valid {
		t.Error("tokens ended of a client that lost nothing")
	}

	before := placeOf(t, replica, client.ID)
	refusal := errors.New("no")
	err := f.Admin.Transact(t.Context(), func(ctx context.Context, store admin.Store) error {
		must(t, store.UpdateClient(ctx, client.ID, func(client *oauth.Client) (*admin.Event, error) {
			client.Status = oauth.StatusInactive
			event := f.event("credential.deactivated", client.ID)
			return &event, nil
		}))
		return refusal
	})
	wraps(t, "a transaction", err, refusal)
	if placeOf(t, replica, client.ID) != before || statusAt(t, replica, before) != valid {
		t.Error("what was not committed ended tokens")
	}

	putTenant(org, oauth.LevelOrg, "", oauth.StatusInactive)()
	if statusAt(t, replica, before) != suspended || statusAt(t, replica, bystanding) != suspended {
		t.Error("an inactive org leaves tokens")
	}
	before = placeOf(t, replica, client.ID)
	f.update(t, client.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	if statusAt(t, replica, before) != invalid {
		t.Error("a deleted client leaves tokens")
	}
}

// testGenerationsOfMany: of very many clients that hold the same, all tokens end, also within a transaction, and no
// two clients share a place.
func testGenerationsOfMany(t *testing.T, f *fixture) {
	const many = 1003
	f.plant(t)
	replica := f.Replica(t)
	var ids []string
	for len(ids) < many { // All in one transaction would take longer than a change may, on a slow machine.
		must(t, f.Admin.Transact(t.Context(), func(ctx context.Context, store admin.Store) error {
			for range min(100, many-len(ids)) {
				client, _ := f.client(fmt.Sprint("Robot ", len(ids)))
				ids = append(ids, client.ID)
				if err := store.CreateClient(ctx, client, f.event("credential.created", client.ID)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	places := func() map[oauth.StatusPlace]bool {
		all := make(map[oauth.StatusPlace]bool)
		for _, id := range ids {
			all[placeOf(t, replica, id)] = true
		}
		return all
	}
	first := places()
	must(t, f.Admin.Transact(t.Context(), func(ctx context.Context, store admin.Store) error {
		api := f.api()
		api.Status = oauth.StatusInactive
		return store.PutAPI(ctx, api, f.event("api.put", apiKey))
	}))
	second := places()
	if len(first) != many || len(second) != many {
		t.Errorf("%d clients had %d places, and now have %d", many, len(first), len(second))
	}
	retired, lists, err := replica.Retired(t.Context(), 0)
	must(t, err)
	if len(retired) != many || lists != 1 {
		t.Errorf("%d places of %d lists are retired", len(retired), lists)
	}
	for place := range second {
		if first[place] || retired[place.Index] != oauth.TokensValid {
			t.Errorf("the place %v is given again", place)
		}
	}
	for place := range first {
		if retired[place.Index] != oauth.TokensSuspended {
			t.Errorf("the place %v is %d", place, retired[place.Index])
		}
	}
}
