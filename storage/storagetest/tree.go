package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func testTransactions(t *testing.T, f *fixture) {
	f.plant(t)
	replica := f.Replica(t)
	events := f.events(t)
	refusal := errors.New("no")
	put := func(name string, answer error) error {
		return f.Admin.Transact(t.Context(), func(ctx context.Context, store admin.Store) error {
			for _, id := range []string{"wks_new", workspace} {
				tenant := oauth.Tenant{
					ID: id, Level: oauth.LevelWorkspace, Name: name, ParentID: account, OrgID: org, Status: oauth.StatusInactive,
				}
				must(t, store.PutTenant(ctx, tenant, f.event("tenant.put", id)))
			}
			client, _ := f.client(name)
			must(t, store.CreateClient(ctx, client, f.event("credential.created", client.ID)))
			row, err := store.Tenant(ctx, account)
			must(t, err)
			if row.Children != 2 {
				t.Errorf("within the transaction the account has %d children", row.Children)
			}
			return store.Transact(ctx, func(ctx context.Context, store admin.Store) error {
				clients, err := store.Clients(ctx, admin.ClientQuery{Name: name, Sort: admin.ByName, Limit: 2})
				must(t, err)
				if len(clients) != 1 {
					t.Errorf("within the transaction there are %d clients of the name", len(clients))
				}
				return answer
			})
		})
	}
	if err := put("Refused", refusal); err != refusal {
		t.Errorf("an error of the work is answered as %v", err)
	}
	_, err := f.Admin.Tenant(t.Context(), "wks_new")
	wraps(t, "what was refused", err, oauth.ErrNotFound)
	if f.events(t) != events {
		t.Error("what was refused left events")
	}
	must(t, f.Admin.Transact(t.Context(), func(context.Context, admin.Store) error { return nil }))
	must(t, put("Done", nil))
	if n := f.events(t); n != events+3 {
		t.Errorf("three changes left %d events", n-events)
	}
	must(t, replica.Refresh(t.Context()))
	if replica.Catalog().Open("wks_new") || replica.Catalog().Open(workspace) {
		t.Error("a replica has not heard of a transaction")
	}

	// An error that the work passes over undoes it all the same.
	err = f.Admin.Transact(t.Context(), func(ctx context.Context, store admin.Store) error {
		must(t, store.PutAPI(ctx, oauth.API{Key: "new", Level: oauth.LevelOrg, Choice: oauth.ChoiceOne, Status: oauth.StatusActive}, f.event("api.put", "new")))
		store.PutAPI(ctx, oauth.API{Key: "bad", Level: "none"}, f.event("api.put", "bad"))
		return nil
	})
	if err == nil {
		t.Error("half a transaction was committed")
	}
	_, err = f.Admin.API(t.Context(), "new")
	wraps(t, "half a transaction", err, oauth.ErrNotFound)

	// Of two that read first and then write, neither loses what the other did.
	atOnce(t, 20, func(int) (bool, error) {
		return true, f.Admin.Transact(t.Context(), func(ctx context.Context, store admin.Store) error {
			api, err := store.API(ctx, apiKey)
			if err != nil {
				return err
			}
			api.TokenLifetime += 1e9
			return store.PutAPI(ctx, *api, f.event("api.put", apiKey))
		})
	})
	api, err := f.Admin.API(t.Context(), apiKey)
	must(t, err)
	if got := api.TokenLifetime - f.api().TokenLifetime; got != 20e9 {
		t.Errorf("of 20 seconds in 20 transactions %v are there", got)
	}
}

func testTenantDeletion(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	remove := func(id string) error {
		return f.Admin.DeleteTenant(t.Context(), id, f.event("tenant.deleted", id))
	}
	for _, id := range []string{org, account, workspace} {
		if remove(id) == nil {
			t.Errorf("%s was deleted while something hangs on it", id)
		}
	}
	f.update(t, client.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	events := f.events(t)
	for _, id := range []string{workspace, account, org} {
		must(t, remove(id))
		_, err := f.Admin.Tenant(t.Context(), id)
		wraps(t, "a deleted tenant", err, oauth.ErrNotFound)
		wraps(t, "deleting it again", remove(id), oauth.ErrNotFound)
	}
	for _, id := range []string{"org_none", "\x00"} {
		wraps(t, "deleting nothing", remove(id), oauth.ErrNotFound)
	}
	if n := f.events(t); n != events+3 {
		t.Errorf("three deletions left %d events", n-events)
	}
	rows := f.tenants(t, admin.TenantQuery{Limit: 2})
	if len(rows) != 1 || rows[0].ID != otherOrg {
		t.Errorf("after the deletions there are %+v", rows)
	}
	found, err := f.Admin.TenantsByID(t.Context(), []string{org, workspace})
	must(t, err)
	same(t, "the deleted tenants by id", found, nil)

	// It comes back where it was, or not at all.
	again := oauth.Tenant{ID: org, Level: oauth.LevelOrg, Name: "Again", OrgID: org, Status: oauth.StatusActive}
	must(t, f.Admin.PutTenant(t.Context(), again, f.event("tenant.put", org)))
	elsewhere := oauth.Tenant{ID: workspace, Level: oauth.LevelAccount, Name: "Moved", ParentID: otherOrg, OrgID: otherOrg, Status: oauth.StatusActive}
	wraps(t, "an id that moves", f.Admin.PutTenant(t.Context(), elsewhere, f.event("tenant.put", workspace)), oauth.ErrConflict)
	row, err := f.Admin.Tenant(t.Context(), org)
	must(t, err)
	if row.Version != 3 || row.Children != 0 || row.Status != oauth.StatusActive {
		t.Errorf("the org that came back is %+v", row)
	}
}

func testAPIDeletion(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	remove := func() error { return f.Admin.DeleteAPI(t.Context(), apiKey, f.event("api.deleted", apiKey)) }
	if remove() == nil {
		t.Error("an API was deleted while somebody holds it")
	}
	f.update(t, client.ID, func(client *oauth.Client) { client.Grants = nil })
	replica := f.Replica(t)
	events := f.events(t)
	must(t, remove())
	wraps(t, "deleting it again", remove(), oauth.ErrNotFound)
	if f.events(t) != events+1 {
		t.Error("a deletion did not leave one event")
	}
	must(t, replica.Refresh(t.Context()))
	if replica.Catalog().API(apiKey) != nil {
		t.Error("a replica still knows the API")
	}
}

func testHolders(t *testing.T, f *fixture) {
	f.plant(t)
	must(t, f.Admin.PutTenant(t.Context(), oauth.Tenant{
		ID: "wks_two", Level: oauth.LevelWorkspace, Name: "Two", ParentID: account, OrgID: org, Status: oauth.StatusActive,
	}, f.event("tenant.put", "wks_two")))
	ids := make(map[string]string)
	for name, grants := range map[string][]oauth.Grant{
		"reader":  {{API: apiKey, Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"wks_two"}}}},
		"writer":  {{API: apiKey, Permissions: []string{"write"}, AppliesTo: oauth.Places{AllWorkspacesOf: []string{account}}}},
		"both":    {{API: apiKey, Permissions: []string{"read", "write"}, AppliesTo: oauth.Places{Workspaces: []string{workspace}}}},
		"nothing": nil,
	} {
		client, _ := f.client(name)
		client.Grants = grants
		must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
		ids[client.ID] = name
	}
	gone := f.create(t, "gone")
	f.update(t, gone.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	for _, test := range []struct {
		query admin.HolderQuery
		want  []string
	}{
		{admin.HolderQuery{API: apiKey}, []string{"both", "reader", "writer"}},
		{admin.HolderQuery{API: apiKey, Permissions: []string{"write"}}, []string{"both", "writer"}},
		{admin.HolderQuery{API: apiKey, Permissions: []string{"read", "write"}}, []string{"both", "reader", "writer"}},
		{admin.HolderQuery{API: apiKey, Permissions: []string{"none", "\x00"}}, nil},
		{admin.HolderQuery{API: apiKey, Several: true}, []string{"both"}},
		{admin.HolderQuery{API: apiKey, Several: true, Permissions: []string{"write"}}, []string{"both", "writer"}},
		{admin.HolderQuery{API: "none"}, nil},
		{admin.HolderQuery{API: "\x00"}, nil},
		{admin.HolderQuery{Tenant: workspace}, []string{"both"}},
		{admin.HolderQuery{Tenant: account}, []string{"writer"}},
		{admin.HolderQuery{Tenant: "wks_two", API: apiKey}, []string{"reader"}},
	} {
		test.query.Limit = 10
		clients, err := f.Admin.Holders(t.Context(), test.query)
		must(t, err)
		var got []string
		for _, client := range clients {
			got = append(got, ids[client.ID])
		}
		slices.Sort(got)
		same(t, fmt.Sprintf("the holders %+v", test.query), got, test.want)
	}
	few, err := f.Admin.Holders(t.Context(), admin.HolderQuery{API: apiKey, Limit: 2})
	must(t, err)
	if len(few) != 2 || len(few[0].Secrets) != 1 {
		t.Errorf("two holders are %+v", few)
	}
}
