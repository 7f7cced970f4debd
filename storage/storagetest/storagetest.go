package storagetest

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// Database is an empty database, ready for use, as the suite sees it.
type Database struct {
	Admin admin.Store
	Usage oauth.UsageStore
	// Revocations keeps the tokens that were revoked one by one.
	Revocations oauth.Revocations
	// Replica makes another oauth.Store over the same database, as another replica would have it.
	Replica func(t testing.TB) oauth.Store
	// Replays makes another memory of uses over the same database, as another replica would have it.
	Replays func(t testing.TB) oauth.Replays
}

// Run holds a storage against the contract. Each test opens a database of its own.
func Run(t *testing.T, open func(t testing.TB) Database) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f *fixture)
	}{
		{"Clients", testClients},
		{"ClientLists", testClientLists},
		{"Updates", testUpdates},
		{"ConcurrentUpdates", testConcurrentUpdates},
		{"Tombstones", testTombstones},
		{"ClientKeys", testClientKeys},
		{"ClientOfSecret", testClientOfSecret},
		{"Answers", testAnswers},
		{"AnswersAtOnce", testAnswersAtOnce},
		{"Usage", testUsage},
		{"UsageOnce", testUsageOnce},
		{"UsageOfReplicas", testUsageOfReplicas},
		{"UsageOfTombstones", testUsageOfTombstones},
		{"UsagePruned", testUsagePruned},
		{"ClientFilters", testClientFilters},
		{"Attention", testAttention},
		{"Catalogue", testCatalogue},
		{"Tenants", testTenants},
		{"TenantLists", testTenantLists},
		{"ForeignPlaces", testForeignPlaces},
		{"Transactions", testTransactions},
		{"TenantDeletion", testTenantDeletion},
		{"APIDeletion", testAPIDeletion},
		{"Holders", testHolders},
		{"GrantRaces", testGrantRaces},
		{"Events", testEvents},
		{"Keys", testKeys},
		{"KeysAtOnce", testKeysAtOnce},
		{"EventFilters", testEventFilters},
		{"Chain", testChain},
		{"Checkpoints", testCheckpoints},
		{"Generations", testGenerations},
		{"GenerationsOfMany", testGenerationsOfMany},
		{"DeniedTokens", testDeniedTokens},
		{"Operators", testOperators},
		{"OperatorLists", testOperatorLists},
		{"LastAdmin", testLastAdmin},
		{"Sessions", testSessions},
		{"Replays", testReplays},
		{"ReplaysPruned", testReplaysPruned},
		{"Bootstrap", testBootstrap},
		{"BootstrapJoinsOldestOrg", testBootstrapJoinsOldestOrg},
		{"Freshness", testFreshness},
		{"FreshCatalogue", testFreshCatalogue},
		{"AccountsOf", testAccountsOf},
		{"FreshKeys", testFreshKeys},
		{"FreshUnderChange", testFreshUnderChange},
		{"CancelledCallers", testCancelledCallers},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, newFixture(t, open(t)))
		})
	}
}

// fixture is a database with an org, its account and workspace, and one API.
type fixture struct {
	Database
	start time.Time
}

const (
	org       = "org_one"
	account   = "acc_one"
	workspace = "wks_one"
	otherOrg  = "org_two"
	apiKey    = "profile"
)

func newFixture(t testing.TB, database Database) *fixture {
	return &fixture{Database: database, start: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)}
}

// plant puts the tree and the API in place.
func (f *fixture) plant(t testing.TB) {
	t.Helper()
	for i, tenant := range []oauth.Tenant{
		{ID: org, Level: oauth.LevelOrg, Name: "One", OrgID: org},
		{ID: account, Level: oauth.LevelAccount, Name: "One's account", ParentID: org, OrgID: org},
		{ID: workspace, Level: oauth.LevelWorkspace, Name: "One's workspace", ParentID: account, OrgID: org},
		{ID: otherOrg, Level: oauth.LevelOrg, Name: "Two", OrgID: otherOrg},
	} {
		tenant.Status = oauth.StatusActive
		event := f.event("tenant.put", tenant.ID)
		event.At = f.start.Add(time.Duration(i) * time.Second)
		must(t, f.Admin.PutTenant(t.Context(), tenant, event))
	}
	must(t, f.Admin.PutAPI(t.Context(), f.api(), f.event("api.put", apiKey)))
}

func (f *fixture) api() oauth.API {
	return oauth.API{
		Key: apiKey, Name: "Profile", Description: "Profiles.", Audience: "https://profile.example",
		Level: oauth.LevelWorkspace, Choice: oauth.ChoiceMany,
		Permissions: []oauth.Permission{
			{Key: "read", Name: "Read", Sentence: "Read profiles"},
			{Key: "write", Name: "Write", Description: "Changes them."},
		},
		GrantableBy:   []string{"owner"},
		TokenLifetime: 10 * time.Minute,
		SigningAlg:    jose.EdDSA,
		Status:        oauth.StatusActive,
	}
}

// client makes a client of the org that has every field set, and the text of its secret.
func (f *fixture) client(name string) (*oauth.Client, oauth.Plaintext) {
	secret, text := oauth.NewSecret(f.start, "creator")
	return &oauth.Client{
		ID: oauth.NewID("cid"), OrgID: org, Name: name, Note: "A note.\nOf two lines.", Owner: "owner@example.com",
		Status: oauth.StatusActive, AuthMethod: oauth.AuthSecret,
		Secrets: []oauth.Secret{secret},
		Grants: []oauth.Grant{{
			API: apiKey, Permissions: []string{"read", "write"},
			AppliesTo: oauth.Places{Workspaces: []string{workspace}, AllWorkspacesOf: []string{account}},
		}},
		TokenLifetime: 5 * time.Minute,
		DPoPRequired:  true,
		Certificate:   oauth.CertificateName{Field: oauth.SANDNS, Value: "client.example"},
		AllowedCIDRs:  prefixes("192.0.2.0/24", "2001:db8::/32"),
		CreatedAt:     f.start, CreatedBy: "creator", UpdatedAt: f.start.Add(time.Microsecond), UpdatedBy: "updater",
		Version: 1,
	}, text
}

// create stores a new client of this name.
func (f *fixture) create(t testing.TB, name string) *oauth.Client {
	t.Helper()
	client, _ := f.client(name)
	must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
	return client
}

// update changes a client and leaves an event.
func (f *fixture) update(t testing.TB, id string, change func(*oauth.Client)) {
	t.Helper()
	must(t, f.Admin.UpdateClient(t.Context(), id, func(client *oauth.Client) (*admin.Event, error) {
		change(client)
		client.Version++
		event := f.event("credential.changed", id)
		return &event, nil
	}))
}

func (f *fixture) event(action, target string) admin.Event {
	return admin.Event{
		ID: oauth.NewID("evt"), At: f.start, ActorKind: admin.ActorSystem, ActorID: "test",
		Address: "192.0.2.1", RequestID: "req", Action: action, Target: target, OrgID: org,
		Changes: map[string]admin.Change{"name": {From: []byte(`null`), To: []byte(`"new"`)}},
	}
}

// events answers how many events there are.
func (f *fixture) events(t testing.TB) int {
	t.Helper()
	rows, err := f.Admin.Events(t.Context(), admin.EventQuery{Limit: 10_000})
	must(t, err)
	return len(rows)
}
