package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func testClients(t *testing.T, f *fixture) {
	f.plant(t)
	client, _ := f.client("Robot")
	old := oauth.SecretFrom(oauth.NewPlaintext("an older secret"), f.start.Add(-time.Hour), "somebody")
	old.ExpiresAt, old.StopsAt, old.StoppedAt = f.start.Add(1), f.start.Add(2*time.Hour), f.start.Add(3*time.Hour)
	old.ExpiresAt = old.ExpiresAt.Truncate(time.Microsecond)
	client.Secrets = append(client.Secrets, old)
	must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))

	got, err := f.Admin.Client(t.Context(), client.ID)
	must(t, err)
	same(t, "the client", got, client)
	if got.CreatedAt.Location() != time.UTC {
		t.Errorf("times are in %v", got.CreatedAt.Location())
	}

	bare := &oauth.Client{
		ID: oauth.NewID("cid"), OrgID: otherOrg, Name: "Bare", Status: oauth.StatusInactive, AuthMethod: oauth.AuthSecret,
		CreatedAt: f.start, UpdatedAt: f.start, Version: 1,
	}
	must(t, f.Admin.CreateClient(t.Context(), bare, f.event("credential.created", bare.ID)))
	got, err = f.Admin.Client(t.Context(), bare.ID)
	must(t, err)
	same(t, "the bare client", got, bare)

	for _, id := range []string{"cid_nobody", "", "\x00", "\xff", "'; DROP TABLE clients; --"} {
		_, err := f.Admin.Client(t.Context(), id)
		wraps(t, fmt.Sprintf("client %q", id), err, oauth.ErrNotFound)
	}

	namesake, _ := f.client("Robot")
	events := f.events(t)
	err = f.Admin.CreateClient(t.Context(), namesake, f.event("credential.created", namesake.ID))
	wraps(t, "a taken name", err, oauth.ErrConflict)
	if f.events(t) != events {
		t.Error("a refused client left an event")
	}
	namesake.OrgID, namesake.Grants = otherOrg, nil
	must(t, f.Admin.CreateClient(t.Context(), namesake, f.event("credential.created", namesake.ID)))
	namesake.Name = "Another name"
	err = f.Admin.CreateClient(t.Context(), namesake, f.event("credential.created", namesake.ID))
	wraps(t, "a taken client_id", err, oauth.ErrConflict)
}

func testClientLists(t *testing.T, f *fixture) {
	f.plant(t)
	// Some names and times are shared, so that only the id tells their order.
	names := []string{"Zebra", "apple", "Ärger", "Apple", "100% sure", "under_score", "over!", "ZEBRA", "b", "ä"}
	var all []oauth.Client
	for i, name := range names {
		client, _ := f.client(name)
		client.ID = fmt.Sprintf("cid_%020d", 7*i%10) // A random one might contain what is searched for.
		client.CreatedAt = f.start.Add(time.Duration(i/3) * time.Second)
		if i%4 == 0 {
			client.OrgID, client.Grants, client.Status = otherOrg, nil, oauth.StatusInactive
		}
		must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
		all = append(all, *client)
	}
	twin, _ := f.client("apple")
	twin.ID = fmt.Sprintf("cid_%020d", 10)
	twin.OrgID, twin.Grants = otherOrg, nil
	must(t, f.Admin.CreateClient(t.Context(), twin, f.event("credential.created", twin.ID)))
	all = append(all, *twin)

	for _, sort := range []admin.ClientSort{admin.ByName, admin.ByNameDown, admin.ByCreated, admin.ByCreatedDown} {
		want := slices.SortedFunc(slices.Values(all), clientOrder(sort))
		for _, size := range []int{1, 3, 100} {
			got := f.pages(t, admin.ClientQuery{Sort: sort, Limit: size})
			same(t, fmt.Sprintf("the list %s in pages of %d", sort, size), got, want)
		}
	}

	for _, test := range []struct {
		query admin.ClientQuery
		want  func(oauth.Client) bool
	}{
		{admin.ClientQuery{Org: otherOrg}, func(c oauth.Client) bool { return c.OrgID == otherOrg }},
		{admin.ClientQuery{Org: "org_none"}, nobody},
		{admin.ClientQuery{Status: oauth.StatusInactive}, func(c oauth.Client) bool { return c.Status == oauth.StatusInactive }},
		{admin.ClientQuery{Name: "apple", Org: org}, func(c oauth.Client) bool { return c.Name == "apple" && c.OrgID == org }},
		{admin.ClientQuery{Search: "APPLE"}, named("apple", "Apple")},
		{admin.ClientQuery{Search: "zEb"}, named("Zebra", "ZEBRA")},
		{admin.ClientQuery{Search: "%"}, named("100% sure")},
		{admin.ClientQuery{Search: "_s"}, named("under_score")},
		{admin.ClientQuery{Search: "!"}, named("over!")},
		{admin.ClientQuery{Search: "Ä"}, named("Ärger")}, // Only the case of ASCII letters is folded.
		{admin.ClientQuery{Search: "ä"}, named("ä")},
		{admin.ClientQuery{Search: "' OR 1 = 1 --"}, nobody},
		{admin.ClientQuery{Search: "\x00"}, nobody},
		{admin.ClientQuery{Search: "CID_" + all[4].ID[4:]}, func(c oauth.Client) bool { return c.ID == all[4].ID }},
	} {
		test.query.Sort, test.query.Limit = admin.ByName, 3
		want := slices.SortedFunc(slices.Values(all), clientOrder(admin.ByName))
		want = slices.DeleteFunc(want, func(c oauth.Client) bool { return !test.want(c) })
		same(t, fmt.Sprintf("the list %+v", test.query), f.pages(t, test.query), want)
	}
}

func nobody(oauth.Client) bool { return false }

func named(names ...string) func(oauth.Client) bool {
	return func(client oauth.Client) bool { return slices.Contains(names, client.Name) }
}

func clientOrder(sort admin.ClientSort) func(a, b oauth.Client) int {
	return func(a, b oauth.Client) int {
		byName := cmpOr(a.Name, b.Name, a.ID, b.ID)
		byAge := a.CreatedAt.Compare(b.CreatedAt)
		if byAge == 0 {
			byAge = cmpOr(a.ID, b.ID)
		}
		return map[admin.ClientSort]int{
			admin.ByName: byName, admin.ByNameDown: -byName, admin.ByCreated: byAge, admin.ByCreatedDown: -byAge,
		}[sort]
	}
}

// pages reads a list page by page.
func (f *fixture) pages(t testing.TB, query admin.ClientQuery) []oauth.Client {
	t.Helper()
	var all []oauth.Client
	for {
		page, err := f.Admin.Clients(t.Context(), query)
		must(t, err)
		for _, row := range page {
			all = append(all, row.Client)
			query.After = &row.Position
		}
		if len(page) < query.Limit {
			return all
		}
	}
}

func testUpdates(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	other := f.create(t, "Other")
	events := f.events(t)

	refusal := errors.New("no")
	err := f.Admin.UpdateClient(t.Context(), client.ID, func(client *oauth.Client) (*admin.Event, error) {
		client.Name = "Refused"
		return nil, refusal
	})
	if err != refusal {
		t.Errorf("an error of change is answered as %v", err)
	}
	must(t, f.Admin.UpdateClient(t.Context(), client.ID, func(client *oauth.Client) (*admin.Event, error) {
		client.Name = "Nothing"
		client.Secrets[0].Hint = "none"
		return nil, nil
	}))
	err = f.Admin.UpdateClient(t.Context(), client.ID, func(client *oauth.Client) (*admin.Event, error) {
		client.Name = other.Name
		event := f.event("credential.changed", client.ID)
		return &event, nil
	})
	wraps(t, "a taken name", err, oauth.ErrConflict)
	err = f.Admin.UpdateClient(t.Context(), "cid_nobody", func(*oauth.Client) (*admin.Event, error) {
		t.Error("nobody is changed")
		return nil, nil
	})
	wraps(t, "an unknown client", err, oauth.ErrNotFound)

	got, err := f.Admin.Client(t.Context(), client.ID)
	must(t, err)
	same(t, "the client after changes that were refused", got, client)
	if f.events(t) != events {
		t.Error("refused changes left events")
	}

	second := oauth.SecretFrom(oauth.NewPlaintext("second"), f.start.Add(time.Minute), "updater")
	want := *client
	want.Name, want.Status, want.Grants, want.AllowedCIDRs, want.DPoPRequired = "New", oauth.StatusInactive, nil, nil, false
	want.Secrets = []oauth.Secret{second, client.Secrets[0]}
	want.Secrets[1].StoppedAt = f.start.Add(time.Minute)
	want.UpdatedAt, want.Version = f.start.Add(time.Minute), client.Version+1
	f.update(t, client.ID, func(client *oauth.Client) {
		client.Name, client.Status, client.Grants, client.AllowedCIDRs, client.DPoPRequired = "New", oauth.StatusInactive, nil, nil, false
		client.Secrets[0].StoppedAt = f.start.Add(time.Minute) // In place, as a caller may.
		client.Secrets = append(client.Secrets, second)
		client.UpdatedAt = f.start.Add(time.Minute)
	})
	got, err = f.Admin.Client(t.Context(), client.ID)
	must(t, err)
	same(t, "the changed client", got, &want)
	if f.events(t) != events+1 {
		t.Error("a change did not leave one event")
	}
}

func testConcurrentUpdates(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	events := f.events(t)
	const writers = 50
	atOnce(t, writers, func(int) (bool, error) {
		return true, f.Admin.UpdateClient(t.Context(), client.ID, func(client *oauth.Client) (*admin.Event, error) {
			client.Version++
			event := f.event("credential.changed", client.ID)
			return &event, nil
		})
	})
	got, err := f.Admin.Client(t.Context(), client.ID)
	must(t, err)
	if got.Version != client.Version+writers {
		t.Errorf("after %d changes the version is %d", writers, got.Version)
	}
	if n := f.events(t); n != events+writers {
		t.Errorf("%d changes left %d events", writers, n-events)
	}

	// Of those who want the same name at once, one gets it.
	created := atOnce(t, 8, func(int) (bool, error) {
		client, _ := f.client("Wanted")
		err := f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID))
		if errors.Is(err, oauth.ErrConflict) {
			return false, nil
		}
		return true, err
	})
	if created != 1 {
		t.Errorf("%d clients have one name", created)
	}
}

func testTombstones(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	f.update(t, client.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })

	_, err := f.Admin.Client(t.Context(), client.ID)
	wraps(t, "a deleted client", err, oauth.ErrNotFound)
	list, err := f.Admin.Clients(t.Context(), admin.ClientQuery{Sort: admin.ByName, Limit: 10})
	must(t, err)
	same(t, "the list without the deleted client", list, nil)
	err = f.Admin.UpdateClient(t.Context(), client.ID, func(*oauth.Client) (*admin.Event, error) { return nil, nil })
	wraps(t, "changing a deleted client", err, oauth.ErrNotFound)

	heir := f.create(t, "Robot") // The name is free again,
	f.update(t, heir.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	f.create(t, "Robot")

	heir.Name = "Somebody else" // but an id never is.
	err = f.Admin.CreateClient(t.Context(), heir, f.event("credential.created", heir.ID))
	wraps(t, "the id of a deleted client", err, oauth.ErrConflict)
}

func testForeignPlaces(t *testing.T, f *fixture) {
	f.plant(t)
	for name, spoil := range map[string]func(*oauth.Client){
		"no such API":       func(c *oauth.Client) { c.Grants[0].API = "none" },
		"no such place":     func(c *oauth.Client) { c.Grants[0].AppliesTo.Workspaces = []string{"wks_none"} },
		"another org's":     func(c *oauth.Client) { c.OrgID = otherOrg },
		"no such org":       func(c *oauth.Client) { c.OrgID, c.Grants = "org_none", nil },
		"an invalid status": func(c *oauth.Client) { c.Status = "asleep" },
	} {
		client, _ := f.client(name)
		spoil(client)
		err := f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID))
		if err == nil {
			t.Errorf("%s: the client was stored", name)
		}
		for _, sentinel := range []error{oauth.ErrNotFound, oauth.ErrConflict, oauth.ErrUnavailable} {
			if errors.Is(err, sentinel) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		_, err = f.Admin.Client(t.Context(), client.ID)
		wraps(t, name, err, oauth.ErrNotFound)
	}
}
