package storagetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

const day = 24 * time.Hour

// testClientFilters holds each filter against what it says, in every order.
func testClientFilters(t *testing.T, f *fixture) {
	f.plant(t)
	for _, tenant := range []oauth.Tenant{
		{ID: "acc_two", Level: oauth.LevelAccount, ParentID: org},
		{ID: "wks_two", Level: oauth.LevelWorkspace, ParentID: "acc_two"},
		{ID: "wks_twin", Level: oauth.LevelWorkspace, ParentID: "acc_two"},
	} {
		tenant.Name, tenant.OrgID, tenant.Status = tenant.ID, org, oauth.StatusActive
		must(t, f.Admin.PutTenant(t.Context(), tenant, f.event("tenant.put", tenant.ID)))
	}
	orders := f.api()
	orders.Key = "orders"
	must(t, f.Admin.PutAPI(t.Context(), orders, f.event("api.put", orders.Key)))

	now := f.start.Add(200 * day)
	var all []oauth.Client
	used := make(map[string]time.Time)
	for _, places := range []oauth.Places{
		{Org: true}, {Accounts: []string{account}}, {Workspaces: []string{workspace}},
		{AllWorkspacesOf: []string{"acc_two"}}, {Workspaces: []string{"wks_two"}}, {Workspaces: []string{workspace, "wks_twin"}},
	} {
		for i, api := range []string{apiKey, "orders"} {
			client, _ := f.client(fmt.Sprintf("Robot %02d", 7*len(all)%12))
			client.Grants = []oauth.Grant{{API: api, Permissions: []string{"read", "write"}[i : i+1], AppliesTo: places}}
			client.CreatedAt = f.start.Add(time.Duration(len(all)*10) * day)
			client.Secrets[0].ExpiresAt = now.Add(time.Duration(len(all)*3-9) * day)
			if i == 1 {
				client.Secrets[0].StopsAt = []time.Time{{}, now.Add(day)}[len(all)%4/3]
				used[client.ID] = client.CreatedAt.Add(time.Duration(len(all)) * time.Hour)
			}
			must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
			all = append(all, *client)
		}
	}
	both, _ := f.client("Robot of two APIs")
	both.CreatedAt, both.Secrets[0].ExpiresAt = f.start.Add(150*day), time.Time{}
	both.Grants = []oauth.Grant{
		{API: apiKey, Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{workspace}}},
		{API: "orders", Permissions: []string{"write"}, AppliesTo: oauth.Places{Workspaces: []string{"wks_two"}}},
	}
	must(t, f.Admin.CreateClient(t.Context(), both, f.event("credential.created", both.ID)))
	all = append(all, *both)
	batch := oauth.Usage{}
	for id, at := range used {
		batch.Clients = append(batch.Clients, oauth.ClientUse{ClientID: id, IssuedAt: at})
	}
	f.addUsage(t, batch)

	granted := func(api string, tenants ...string) func(oauth.Client) bool {
		return func(c oauth.Client) bool {
			return slices.ContainsFunc(c.Grants, func(grant oauth.Grant) bool {
				places := grant.AppliesTo
				named := slices.Concat(places.Accounts, places.Workspaces, places.AllWorkspacesOf)
				there := len(tenants) == 0 || places.Org && slices.Contains(tenants, org) ||
					slices.ContainsFunc(named, func(id string) bool { return slices.Contains(tenants, id) })
				return there && (api == "" || api == grant.API)
			})
		}
	}
	for what, test := range map[string]struct {
		query admin.ClientQuery
		want  func(oauth.Client) bool
	}{
		"an API":        {admin.ClientQuery{API: "orders"}, granted("orders")},
		"a permission":  {admin.ClientQuery{API: apiKey, Permission: "read"}, granted(apiKey)},
		"another's":     {admin.ClientQuery{API: apiKey, Permission: "write"}, nobody},
		"a place":       {admin.ClientQuery{Places: []string{workspace, account, org}}, granted("", workspace, account, org)},
		"a place below": {admin.ClientQuery{Places: []string{"acc_two", org}, PlacesIn: "acc_two"}, granted("", "acc_two", org, "wks_two", "wks_twin")},
		"an API there":  {admin.ClientQuery{API: apiKey, Places: []string{"wks_two", "acc_two"}}, granted(apiKey, "wks_two", "acc_two")},
		"a permission there": {admin.ClientQuery{API: "orders", Permission: "write", Places: []string{workspace, account, org}},
			granted("orders", workspace, account, org)},
		"no place": {admin.ClientQuery{Places: []string{"acc_none"}, PlacesIn: "acc_none"}, nobody},
		"unused": {admin.ClientQuery{UnusedFor: 120 * day}, func(c oauth.Client) bool {
			return !c.CreatedAt.After(now.Add(-120*day)) && !used[c.ID].After(now.Add(-120*day))
		}},
		"expiring": {admin.ClientQuery{SecretExpiresWithin: 15 * day}, func(c oauth.Client) bool {
			s := c.Secrets[0]
			return s.StopsAt.IsZero() && s.ExpiresAt.After(now) && !s.ExpiresAt.After(now.Add(15*day))
		}},
		"all of it at once": {admin.ClientQuery{Org: org, Status: oauth.StatusActive, Search: "ROBOT", API: "orders", Permission: "write", Places: []string{"wks_two", "acc_two"}, UnusedFor: day}, granted("orders", "wks_two", "acc_two")},
	} {
		for _, sort := range []admin.ClientSort{admin.ByName, admin.ByNameDown, admin.ByCreated, admin.ByCreatedDown, admin.ByUsed, admin.ByUsedDown} {
			query := test.query
			query.Sort, query.Limit, query.Now = sort, 2, now
			want := slices.DeleteFunc(slices.Clone(all), func(c oauth.Client) bool { return !test.want(c) })
			slices.SortFunc(want, usedOrder(sort, used))
			if len(want) == 0 && what != "no place" && what != "another's" {
				t.Errorf("%s: the test expects nobody", what)
			}
			same(t, fmt.Sprintf("the list of %s by %s", what, sort), f.pages(t, query), want)
		}
	}
}

func usedOrder(sort admin.ClientSort, used map[string]time.Time) func(a, b oauth.Client) int {
	sign := map[admin.ClientSort]int{admin.ByUsed: 1, admin.ByUsedDown: -1}[sort]
	if sign == 0 {
		return clientOrder(sort)
	}
	return func(a, b oauth.Client) int {
		if order := used[a.ID].Compare(used[b.ID]); order != 0 {
			return sign * order
		}
		return sign * cmpOr(a.ID, b.ID)
	}
}

// testAttention holds what the database finds for each reason against admin.AttentionOf, on clients whose dates are
// drawn around the limits of every rule. As admin leaves it, at most one usable secret is one that no rotation replaces.
func testAttention(t *testing.T, f *fixture) {
	f.plant(t)
	now := f.start.Add(1000 * day)
	random := rand.New(rand.NewPCG(1, 2))
	near := func(times ...time.Duration) time.Time {
		drawn := times[random.IntN(len(times))]
		return now.Add(drawn + time.Duration(random.IntN(3)-1)*time.Microsecond)
	}
	maybe := func(at time.Time) time.Time { return []time.Time{{}, at}[random.IntN(2)] }
	batch := oauth.Usage{}
	var ids []string
	for i := range 300 {
		client, _ := f.client(fmt.Sprintf("Robot %d", i))
		client.CreatedAt = near(-admin.UnusedAfter, -admin.UnusedAfter, -400*day)
		if i%10 == 0 {
			client.Status = oauth.StatusInactive
		}
		client.Secrets = nil
		for range 1 + random.IntN(2) {
			secret, _ := oauth.NewSecret(near(-2*admin.OldSecretWithin, -admin.OldSecretWithin, -time.Hour), "somebody")
			secret.ExpiresAt = maybe(near(0, admin.ExpiringWithin, 3*admin.ExpiringWithin))
			secret.StopsAt = maybe(near(0, time.Hour))
			if i := len(client.Secrets) - 1; i >= 0 && client.Secrets[i].Usable(now.Add(-time.Hour)) && secret.StopsAt.IsZero() {
				client.Secrets[i].StopsAt = near(0, time.Hour) // A rotation ends whatever the new secret replaces.
			}
			if random.IntN(5) == 0 {
				secret.StoppedAt = now
			}
			client.Secrets = append(client.Secrets, secret)
			if random.IntN(3) > 0 {
				batch.Secrets = append(batch.Secrets, oauth.SecretUse{
					ClientID: client.ID, SecretID: secret.ID, At: near(-admin.OldSecretWithin, -time.Hour, -time.Minute),
				})
			}
		}
		use := oauth.ClientUse{ClientID: client.ID, IssuedAt: maybe(near(-admin.UnusedAfter, -day))}
		use.Refused.At = maybe(near(-admin.RefusedWithin, -day))
		batch.Clients = append(batch.Clients, use)
		must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
		ids = append(ids, client.ID)
	}
	f.addUsage(t, batch)
	usages, err := f.Admin.Usages(t.Context(), ids, oauth.DayOf(now))
	must(t, err)

	every := f.pages(t, admin.ClientQuery{Sort: admin.ByName, Limit: 100})
	for _, reason := range []admin.Attention{
		admin.AttentionSecretExpiring, admin.AttentionUnused, admin.AttentionOldSecretInUse, admin.AttentionRefusedRequests,
	} {
		want := slices.DeleteFunc(slices.Clone(every), func(c oauth.Client) bool {
			usage := usages[c.ID]
			return !slices.Contains(admin.AttentionOf(&c, &usage, now), reason)
		})
		if len(want) < 5 || len(want) > 250 {
			t.Errorf("%s: %d clients make a poor test", reason, len(want))
		}
		got := f.pages(t, admin.ClientQuery{Attention: reason, Now: now, Sort: admin.ByName, Limit: 100})
		same(t, string(reason), got, want)
	}
}
