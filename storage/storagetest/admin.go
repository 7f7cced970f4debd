package storagetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func testCatalogue(t *testing.T, f *fixture) {
	_, err := f.Admin.API(t.Context(), apiKey)
	wraps(t, "no API", err, oauth.ErrNotFound)
	_, err = f.Admin.API(t.Context(), "\x00")
	wraps(t, "an impossible API", err, oauth.ErrNotFound)
	apis, err := f.Admin.APIs(t.Context())
	must(t, err)
	same(t, "no catalogue", apis, nil)

	first := f.api()
	must(t, f.Admin.PutAPI(t.Context(), first, f.event("api.put", first.Key)))
	second := f.api()
	second.Key, second.Permissions, second.GrantableBy, second.Version = "Orders", []oauth.Permission{}, nil, 70
	must(t, f.Admin.PutAPI(t.Context(), second, f.event("api.put", second.Key)))
	first.Name, first.Status, first.TokenLifetime = "Renamed", oauth.StatusInactive, time.Hour
	must(t, f.Admin.PutAPI(t.Context(), first, f.event("api.put", first.Key)))

	first.Version, second.Version = 2, 1
	got, err := f.Admin.API(t.Context(), first.Key)
	must(t, err)
	same(t, "the API", got, &first)
	apis, err = f.Admin.APIs(t.Context())
	must(t, err)
	same(t, "the catalogue", apis, []oauth.API{second, first})
	// Whoever compares an API with what is declared must find it equal.
	if apis[0].GrantableBy != nil || apis[0].Permissions == nil {
		t.Error("no list and an empty list are not told apart")
	}
	if n := f.events(t); n != 3 {
		t.Errorf("three changes left %d events", n)
	}
}

func testTenants(t *testing.T, f *fixture) {
	f.plant(t)
	row, err := f.Admin.Tenant(t.Context(), org)
	must(t, err)
	same(t, "the org", row, &admin.TenantRow{Children: 1, Tenant: oauth.Tenant{
		ID: org, Level: oauth.LevelOrg, Name: "One", OrgID: org, Status: oauth.StatusActive, Version: 1,
	}})
	_, err = f.Admin.Tenant(t.Context(), "org_none")
	wraps(t, "no tenant", err, oauth.ErrNotFound)

	renamed := oauth.Tenant{
		ID: account, Level: oauth.LevelAccount, Name: "Renamed", ParentID: org, OrgID: org,
		Status: oauth.StatusInactive, Version: 9,
	}
	must(t, f.Admin.PutTenant(t.Context(), renamed, f.event("tenant.put", account)))
	renamed.Version = 2
	row, err = f.Admin.Tenant(t.Context(), account)
	must(t, err)
	same(t, "the renamed account", row.Tenant, renamed)

	astray := oauth.Tenant{
		ID: "wks_astray", Level: oauth.LevelWorkspace, Name: "Astray", ParentID: account, OrgID: otherOrg,
		Status: oauth.StatusActive,
	}
	if f.Admin.PutTenant(t.Context(), astray, f.event("tenant.put", astray.ID)) == nil {
		t.Error("a workspace lies in another org than its account")
	}
}

func testTenantLists(t *testing.T, f *fixture) {
	f.plant(t)
	for i := range 5 { // Three share a name.
		tenant := oauth.Tenant{
			ID: fmt.Sprintf("wks_%d", 9-i), Level: oauth.LevelWorkspace, Name: fmt.Sprintf("Space %d", i/3),
			ParentID: account, OrgID: org, Status: oauth.StatusActive,
		}
		must(t, f.Admin.PutTenant(t.Context(), tenant, f.event("tenant.put", tenant.ID)))
	}
	every := f.tenants(t, admin.TenantQuery{Limit: 2})
	if !slices.IsSortedFunc(every, func(a, b admin.TenantRow) int { return cmp.Or(cmpOr(a.Name, b.Name), cmpOr(a.ID, b.ID)) }) {
		t.Error("tenants are not ordered by name and id")
	}
	for _, test := range []struct {
		query admin.TenantQuery
		want  func(admin.TenantRow) bool
		n     int
	}{
		{admin.TenantQuery{}, func(admin.TenantRow) bool { return true }, 9},
		{admin.TenantQuery{Roots: true}, func(row admin.TenantRow) bool { return row.ParentID == "" }, 2},
		{admin.TenantQuery{Roots: true, Org: otherOrg}, func(row admin.TenantRow) bool { return row.ID == otherOrg }, 1},
		{admin.TenantQuery{Org: org}, func(row admin.TenantRow) bool { return row.OrgID == org }, 8},
		{admin.TenantQuery{Parent: account}, func(row admin.TenantRow) bool { return row.ParentID == account }, 6},
		{admin.TenantQuery{Parent: "acc_none"}, func(admin.TenantRow) bool { return false }, 0},
		{admin.TenantQuery{Search: "sPACE 1"}, func(row admin.TenantRow) bool { return row.Name == "Space 1" }, 2},
		{admin.TenantQuery{Search: "WKS_ONE"}, func(row admin.TenantRow) bool { return row.ID == workspace }, 1},
		{admin.TenantQuery{Org: otherOrg, Search: "space"}, func(admin.TenantRow) bool { return false }, 0},
	} {
		want := slices.DeleteFunc(slices.Clone(every), func(row admin.TenantRow) bool { return !test.want(row) })
		if len(want) != test.n {
			t.Errorf("%+v: the test expects %d rows and finds %d", test.query, test.n, len(want))
		}
		test.query.Limit = 2
		same(t, fmt.Sprintf("the tenants %+v", test.query), f.tenants(t, test.query), want)
	}

	ids := []string{workspace, "wks_none", org, "\x00", workspace}
	for i := range 2500 { // More than a statement may hold, and the last of them exists.
		ids = append(ids, fmt.Sprintf("wks_none_%d", i))
	}
	found, err := f.Admin.TenantsByID(t.Context(), append(ids, otherOrg))
	must(t, err)
	var foundIDs []string
	for _, tenant := range found {
		foundIDs = append(foundIDs, tenant.ID)
	}
	slices.Sort(foundIDs)
	same(t, "the tenants by id", foundIDs, []string{org, otherOrg, workspace})
	found, err = f.Admin.TenantsByID(t.Context(), nil)
	must(t, err)
	same(t, "the tenants of no ids", found, nil)
}

// tenants reads a list page by page.
func (f *fixture) tenants(t testing.TB, query admin.TenantQuery) []admin.TenantRow {
	t.Helper()
	var all []admin.TenantRow
	for {
		page, err := f.Admin.Tenants(t.Context(), query)
		must(t, err)
		all = append(all, page...)
		if len(page) < query.Limit {
			return all
		}
		last := page[len(page)-1]
		query.After = &admin.TenantPosition{Name: last.Name, ID: last.ID}
	}
}

func testEvents(t *testing.T, f *fixture) {
	f.plant(t)
	planted := f.events(t)
	var want []admin.Event
	for i := range 7 {
		client, _ := f.client(fmt.Sprintf("Robot %d", i))
		event := f.event("credential.created", client.ID)
		event.At = f.start.Add(time.Duration(i) * time.Microsecond)
		if i%3 == 0 {
			event.OrgID, event.Changes = "", nil
		}
		must(t, f.Admin.CreateClient(t.Context(), client, event))
		want = append(want, event)
	}
	slices.Reverse(want)

	var got []admin.Event
	query := admin.EventQuery{Limit: 2}
	for {
		page, err := f.Admin.Events(t.Context(), query)
		must(t, err)
		for _, row := range page {
			got = append(got, row.Event)
			if query.Before != 0 && row.Sequence >= query.Before {
				t.Fatal("the trail does not go back")
			}
			query.Before = row.Sequence
		}
		if len(page) < query.Limit {
			break
		}
	}
	same(t, "the trail", got[:len(got)-planted], want)

	rows, err := f.Admin.Events(t.Context(), admin.EventQuery{Target: want[2].Target, Limit: 10})
	must(t, err)
	if len(rows) != 1 || rows[0].ID != want[2].ID {
		t.Errorf("the trail of one target is %+v", rows)
	}
	rows, err = f.Admin.Events(t.Context(), admin.EventQuery{Org: otherOrg, Limit: 10})
	must(t, err)
	same(t, "another org's trail", rows, nil)
}

func testBootstrap(t *testing.T, f *fixture) {
	before, err := f.Admin.Bootstrapped(t.Context())
	must(t, err)
	made := atOnce(t, 8, func(int) (bool, error) { return f.bootstrap(t, oauth.NewID("org")) })
	after, err := f.Admin.Bootstrapped(t.Context())
	must(t, err)
	if before || made != 1 || !after {
		t.Errorf("bootstrapped %v, %d times, %v", before, made, after)
	}
	clients, err := f.Admin.Clients(t.Context(), admin.ClientQuery{Sort: admin.ByName, Limit: 10})
	must(t, err)
	orgs, err := f.Admin.Tenants(t.Context(), admin.TenantQuery{Roots: true, Limit: 10})
	must(t, err)
	events, err := f.Admin.Events(t.Context(), admin.EventQuery{Limit: 10})
	must(t, err)
	if len(clients) != 1 || len(orgs) != 1 || len(events) != 1 {
		t.Fatalf("%d clients, %d orgs, %d events", len(clients), len(orgs), len(events))
	}
	if clients[0].OrgID != orgs[0].ID || events[0].OrgID != orgs[0].ID {
		t.Error("the first client is not in the first org")
	}

	// Not even when the first client is gone.
	f.update(t, clients[0].ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	again, err := f.bootstrap(t, oauth.NewID("org"))
	must(t, err)
	if again {
		t.Error("there was a second first client")
	}
}

func testBootstrapJoinsOldestOrg(t *testing.T, f *fixture) {
	f.plant(t)
	made, err := f.bootstrap(t, "org_home")
	must(t, err)
	clients, err := f.Admin.Clients(t.Context(), admin.ClientQuery{Sort: admin.ByName, Limit: 10})
	must(t, err)
	if !made || len(clients) != 1 || clients[0].OrgID != org {
		t.Errorf("made %v, clients %+v", made, clients)
	}
	_, err = f.Admin.Tenant(t.Context(), "org_home")
	wraps(t, "a home that nobody needs", err, oauth.ErrNotFound)
}

func (f *fixture) bootstrap(t testing.TB, homeID string) (bool, error) {
	client, _ := f.client("First")
	client.OrgID, client.Grants = "", nil
	home := oauth.Tenant{ID: homeID, Level: oauth.LevelOrg, Name: "Home", OrgID: homeID, Status: oauth.StatusActive}
	event := f.event("credential.created", client.ID)
	event.OrgID = ""
	made, err := f.Admin.Bootstrap(t.Context(), client, home, event)
	if made && !strings.HasPrefix(client.OrgID, "org_") {
		t.Errorf("the client joined the org %q", client.OrgID)
	}
	return made, err
}
