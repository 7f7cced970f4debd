package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// eachSees fails the test unless every replica answers what is in the database now.
func eachSees(t testing.TB, replicas []oauth.Store, what, id string, want *oauth.Client) {
	t.Helper()
	for i, replica := range replicas {
		got, err := replica.Client(t.Context(), id)
		if want == nil {
			wraps(t, fmt.Sprintf("%s: replica %d", what, i), err, oauth.ErrNotFound)
			continue
		}
		must(t, err)
		same(t, fmt.Sprintf("%s: replica %d", what, i), ForProtocol(got), ForProtocol(want))
	}
}

func testFreshness(t *testing.T, f *fixture) {
	f.plant(t)
	replicas := []oauth.Store{f.Replica(t), f.Replica(t)}
	client, _ := f.client("Robot")
	eachSees(t, replicas, "before it exists", client.ID, nil)
	must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
	eachSees(t, replicas, "created", client.ID, client)

	bystander := f.create(t, "Bystander")
	eachSees(t, replicas, "another", bystander.ID, bystander)
	for range 20 {
		for _, status := range []oauth.Status{oauth.StatusInactive, oauth.StatusActive} {
			f.update(t, client.ID, func(client *oauth.Client) { client.Status = status })
			client.Status = status
			client.Version++
			eachSees(t, replicas, string(status), client.ID, client)
		}
	}
	secret, _ := oauth.NewSecret(f.start.Add(1000), "updater")
	f.update(t, client.ID, func(client *oauth.Client) { client.Secrets = append(client.Secrets, secret) })
	client.Secrets = []oauth.Secret{secret, client.Secrets[0]}
	client.Version++
	eachSees(t, replicas, "with another secret", client.ID, client)
	f.update(t, client.ID, func(client *oauth.Client) { client.Grants = client.Grants[:0] })
	client.Grants = nil
	client.Version++
	eachSees(t, replicas, "with no grants", client.ID, client)
	f.update(t, client.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	eachSees(t, replicas, "deleted", client.ID, nil)
	eachSees(t, replicas, "another", bystander.ID, bystander)

	replica := replicas[0]
	known := func(what string, want oauth.Status) {
		t.Helper()
		got, err := replica.Known(t.Context(), bystander.ID)
		must(t, err)
		same(t, what, got.Status, want)
	}
	f.update(t, bystander.ID, func(client *oauth.Client) { client.Status = oauth.StatusInactive })
	known("known by the proof before", oauth.StatusActive)
	must(t, replica.Refresh(t.Context()))
	known("known by a proof", oauth.StatusInactive)
	for _, nobody := range []string{"", "cid_nobody", "a\nb"} {
		_, err := replica.Known(t.Context(), nobody)
		wraps(t, fmt.Sprintf("knowing %q", nobody), err, oauth.ErrNotFound)
	}
	for _, id := range []string{"", "\x00", "ünknown", strings.Repeat("x", 256), "' OR '1' = '1"} {
		eachSees(t, replicas, "an impossible id", id, nil)
	}
}

// testAccountsOf: a replica knows where a workspace lies as soon as that is committed.
func testAccountsOf(t *testing.T, f *fixture) {
	f.plant(t)
	replica := f.Replica(t)
	check := func(what string, want map[string]string) {
		t.Helper()
		got, err := replica.AccountsOf(t.Context(), []string{workspace, "wks_new", account, org, "none", "\x00", "\xff"})
		must(t, err)
		same(t, what, got, want)
	}
	check("planted", map[string]string{workspace: account})
	must(t, f.Admin.PutTenant(t.Context(), oauth.Tenant{
		ID: "wks_new", Level: oauth.LevelWorkspace, Name: "New", ParentID: account, OrgID: org, Status: oauth.StatusActive,
	}, f.event("tenant.put", "wks_new")))
	check("with another", map[string]string{workspace: account, "wks_new": account})
	must(t, f.Admin.DeleteTenant(t.Context(), "wks_new", f.event("tenant.deleted", "wks_new")))
	check("without it", map[string]string{workspace: account})
}

func testFreshCatalogue(t *testing.T, f *fixture) {
	f.plant(t)
	replicas := []oauth.Store{f.Replica(t), f.Replica(t)}
	api := f.api()
	check := func(what string, active bool, closed ...string) {
		t.Helper()
		for _, replica := range replicas {
			must(t, replica.Refresh(t.Context()))
			catalog := replica.Catalog()
			if got := catalog.API(apiKey).Status == oauth.StatusActive; got != active {
				t.Errorf("%s: active is %v", what, got)
			}
			isClosed := make(map[string]bool)
			for _, id := range closed {
				isClosed[id] = true
			}
			for _, id := range []string{org, account, workspace, otherOrg} {
				if catalog.Open(id) == isClosed[id] {
					t.Errorf("%s: tenant %s: open is %v", what, id, catalog.Open(id))
				}
			}
		}
	}
	check("as planted", true)
	api.Status = oauth.StatusInactive
	must(t, f.Admin.PutAPI(t.Context(), api, f.event("api.put", apiKey)))
	check("API inactive", false)
	api.Status = oauth.StatusActive
	must(t, f.Admin.PutAPI(t.Context(), api, f.event("api.put", apiKey)))

	tenant := func(id string, status oauth.Status) {
		t.Helper()
		row, err := f.Admin.Tenant(t.Context(), id)
		must(t, err)
		row.Status = status
		must(t, f.Admin.PutTenant(t.Context(), row.Tenant, f.event("tenant.put", id)))
	}
	tenant(workspace, oauth.StatusInactive)
	check("workspace inactive", true, workspace)
	tenant(workspace, oauth.StatusActive)
	tenant(account, oauth.StatusInactive)
	check("account inactive", true, account, workspace)
	tenant(account, oauth.StatusActive)
	tenant(org, oauth.StatusInactive)
	check("org inactive", true, org)
	tenant(org, oauth.StatusActive)
	check("all active again", true)
}

// testFreshUnderChange has many ask while one client changes, and none may be answered less than what was committed
// before it asked.
func testFreshUnderChange(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	var committed atomic.Int64
	committed.Store(client.Version)
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	var asked atomic.Int64
	for _, replica := range []oauth.Store{f.Replica(t), f.Replica(t)} {
		for range 8 {
			wait.Go(func() {
				for ctx.Err() == nil {
					least := committed.Load()
					got, err := replica.Client(t.Context(), client.ID)
					if err != nil || got.Version < least {
						t.Errorf("asked after version %d: %+v, %v", least, got, err)
						return
					}
					asked.Add(1)
				}
			})
		}
	}
	for range 200 {
		f.update(t, client.ID, func(*oauth.Client) {})
		committed.Add(1)
	}
	stop()
	wait.Wait()
	if asked.Load() == 0 {
		t.Error("nobody was answered")
	}
}

func testCancelledCallers(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	replica := f.Replica(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, fromReplica := replica.Client(gone, client.ID)
	_, fromDatabase := f.Admin.Client(gone, client.ID)
	for what, err := range map[string]error{
		"Client of a replica":    fromReplica,
		"Refresh of a replica":   replica.Refresh(gone),
		"Client of the database": fromDatabase,
		"CreateClient":           f.Admin.CreateClient(gone, client, f.event("credential.created", client.ID)),
		"UpdateClient":           f.Admin.UpdateClient(gone, client.ID, func(*oauth.Client) (*admin.Event, error) { return nil, nil }),
	} {
		wraps(t, what, err, context.Canceled)
		if errors.Is(err, oauth.ErrUnavailable) {
			t.Errorf("%s: the caller went away, and the database is blamed: %v", what, err)
		}
	}
	// The others are not disturbed.
	_, err := replica.Client(t.Context(), client.ID)
	must(t, err)
}
