package storage

import (
	"flag"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

var manyCredentials = flag.Int("credentials", 0, "measure lists of so many credentials: go test ./storage -run TestListTimes -v -timeout 1h -credentials=1000000")

// seeds fill a database with $1 clients of 201 orgs, of which the first has two in five. What they are granted, when
// they were used and when their secrets expire is spread unevenly, as it is in life.
var seeds = []string{
	`INSERT INTO tenants (id, level, parent_id, org_id, name, status, version, created_at, updated_at)
		SELECT 'org_' || o, 'org', NULL, 'org_' || o, 'Org ' || o, 'active', 1, NOW(), NOW() FROM GENERATE_SERIES(1, 201) o
		WHERE $1 > 0`,
	`INSERT INTO tenants (id, level, parent_id, org_id, name, status, version, created_at, updated_at)
		SELECT 'acc_' || o || '_' || a, 'account', 'org_' || o, 'org_' || o, 'Account ' || a, 'active', 1, NOW(), NOW()
		FROM GENERATE_SERIES(1, 201) o, GENERATE_SERIES(1, 4) a WHERE $1 > 0`,
	`INSERT INTO tenants (id, level, parent_id, org_id, name, status, version, created_at, updated_at)
		SELECT 'ws_' || o || '_' || a || '_' || w, 'workspace', 'acc_' || o || '_' || a, 'org_' || o, 'Workspace ' || w,
			'active', 1, NOW(), NOW()
		FROM GENERATE_SERIES(1, 201) o, GENERATE_SERIES(1, 4) a, GENERATE_SERIES(1, 5) w WHERE $1 > 0`,
	`INSERT INTO apis (key, name, description, audience, level, choice, permissions, grantable_by, token_lifetime, status,
			version, created_at, updated_at)
		SELECT 'api-' || k, 'API ' || k, '', 'https://api.example', 'workspace', 'many',
			'[{"key":"read","name":"Read"},{"key":"write","name":"Write"}]', '[]', 600, 'active', 1, NOW(), NOW()
		FROM GENERATE_SERIES(1, 20) k WHERE $1 > 0`,
	`INSERT INTO clients (id, org_id, name, note, owner, status, auth_method, grants, token_lifetime, allowed_cidrs,
			created_at, created_by, updated_at, updated_by, version)
		SELECT id, org, words[1 + i * 31 % 8] || ' ' || words[1 + i * 17 % 7] || ' ' || i, REPEAT('A note. ', 10), 'team-' || i % 50,
			CASE WHEN i % 97 = 0 THEN 'inactive' ELSE 'active' END, 'client_secret',
			JSON_BUILD_ARRAY(
				JSON_BUILD_OBJECT('api', 'api-1', 'permissions', JSON_BUILD_ARRAY('read'), 'applies_to', places),
				JSON_BUILD_OBJECT('api', 'api-' || 2 + i % 19, 'permissions', JSON_BUILD_ARRAY('read', 'write'), 'applies_to', places)),
			0, '[]', NOW() - (700.0 * ($1 - i) / $1) * INTERVAL '1 day', 'seed', NOW(), 'seed', 1
		FROM (
			SELECT i, org, 'cid_' || SUBSTRING(MD5(i::TEXT), 1, 20) AS id,
				ARRAY['Fraud', 'Billing', 'Nightly', 'Export', 'Scoring', 'Reporting', 'Sync', 'Gateway'] AS words,
				CASE
					WHEN i % 20 = 0 THEN JSON_BUILD_OBJECT('org', TRUE)
					WHEN i % 5 = 1 THEN JSON_BUILD_OBJECT('all_workspaces_of', JSON_BUILD_ARRAY('acc' || number || '_' || 1 + i % 4))
					ELSE JSON_BUILD_OBJECT('workspaces', JSON_BUILD_ARRAY('ws' || number || '_' || 1 + i % 4 || '_' || 1 + i / 7 % 5))
				END AS places
			FROM (SELECT i, 'org' || number AS org, number FROM (
				SELECT i, '_' || CASE WHEN i % 10 < 4 THEN 1 ELSE 2 + i::BIGINT * 7919 % 200 END AS number
				FROM GENERATE_SERIES(1, $1) i
			) numbered) named
		) made`,
	`INSERT INTO grant_permissions (client_id, api, permission)
		SELECT c.id, g ->> 'api', p FROM clients c, JSON_ARRAY_ELEMENTS(c.grants) g,
			JSON_ARRAY_ELEMENTS_TEXT(g -> 'permissions') p WHERE $1 > 0`,
	`INSERT INTO grant_places (client_id, org_id, api, tenant_id)
		SELECT c.id, c.org_id, g ->> 'api', COALESCE(g -> 'applies_to' -> 'workspaces' ->> 0,
			g -> 'applies_to' -> 'all_workspaces_of' ->> 0, c.org_id)
		FROM clients c, JSON_ARRAY_ELEMENTS(c.grants) g WHERE $1 > 0`,
	`INSERT INTO secrets (id, client_id, hash, hint, created_at, created_by, expires_at, stops_at)
		SELECT 'sec_' || s || SUBSTRING(id, 5), id, SHA256(id::BYTEA), 'hint', created_at + s * INTERVAL '1 hour', 'seed',
			CASE WHEN HASHTEXT(id) % 5 = 0 THEN NOW() + (HASHTEXT(name) % 400) * INTERVAL '1 day' END,
			CASE WHEN s = 1 AND HASHTEXT(id) % 500 = 1 THEN NOW() + INTERVAL '1 day' END
		FROM clients, GENERATE_SERIES(1, 2) s WHERE (s = 1 OR HASHTEXT(id) % 500 = 1) AND $1 > 0`,
	`UPDATE clients SET secret_expires_at = s.expires_at FROM secrets s
		WHERE s.client_id = clients.id AND s.expires_at IS NOT NULL AND s.stops_at IS NULL AND $1 > 0`,
	`INSERT INTO client_usage (client_id, org_id, status, created_at, used_at, used_from, refused_at, refused_code, refused_reason,
			refused_missing, secret_expires_at)
		SELECT id, org_id, status, created_at,
			CASE WHEN HASHTEXT(id) % 4 = 0 THEN TIMESTAMPTZ 'epoch' ELSE NOW() - POWER(RANDOM(), 4) * INTERVAL '400 days' END, '192.0.2.1',
			CASE WHEN HASHTEXT(id) % 20 = 1 THEN NOW() - RANDOM() * INTERVAL '200 days' END, '', '', '', secret_expires_at
		FROM clients WHERE $1 > 0`,
	`INSERT INTO secret_usage (client_id, secret_id, used_at, used_from)
		SELECT u.client_id, s.id, u.used_at, u.used_from FROM client_usage u JOIN secrets s ON s.client_id = u.client_id
		WHERE u.used_at > TIMESTAMPTZ 'epoch' AND $1 > 0`,
	`INSERT INTO usage_days (client_id, day, secret_id, outcome, count)
		SELECT client_id, EXTRACT(EPOCH FROM NOW())::BIGINT / 86400 - d, '', 'issued', d + 1
		FROM client_usage, GENERATE_SERIES(0, 3) d WHERE used_at > NOW() - INTERVAL '5 days' AND $1 > 0`,
}

// seeded answers a PostgreSQL with so many clients, of which it has its statistics.
func seeded(t *testing.T, clients int) *DB {
	t.Helper()
	db := migrated(t, sharedPostgres.NewDatabase(t))
	pool, err := connect(db.dialect, migrationTimeout, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.MustExec(`SET session_replication_role = replica`) // Without foreign keys and triggers it is quicker.
	for _, statement := range seeds {
		pool.MustExec(statement, clients)
	}
	pool.MustExec(`VACUUM ANALYZE`)
	return db
}

// listKinds are the lists that are looked at, by what they are filtered by.
func listKinds() map[string]admin.ClientQuery {
	const day = 24 * time.Hour
	kinds := map[string]admin.ClientQuery{
		"all":                 {},
		"org, large":          {Org: "org_1"},
		"org, small":          {Org: "org_77"},
		"active":              {Status: oauth.StatusActive},
		"inactive":            {Status: oauth.StatusInactive},
		"inactive of an org":  {Status: oauth.StatusInactive, Org: "org_1"},
		"search, rare":        {Search: "12345"},
		"search, common":      {Search: "fraud"},
		"search, id":          {Search: "CID_0a1b"},
		"search, nothing":     {Search: "zzzz"},
		"search in an org":    {Search: "night", Org: "org_77"},
		"API, common":         {API: "api-1"},
		"API, rare":           {API: "api-7"},
		"permission":          {API: "api-7", Permission: "write"},
		"workspace":           {Org: "org_77", Places: []string{"ws_77_2_3", "acc_77_2", "org_77"}},
		"workspace, large":    {Org: "org_1", Places: []string{"ws_1_2_3", "acc_1_2", "org_1"}},
		"account":             {Org: "org_77", Places: []string{"acc_77_2", "org_77"}, PlacesIn: "acc_77_2"},
		"unused 90":           {UnusedFor: 90 * day},
		"unused 600":          {UnusedFor: 600 * day},
		"unused of an org":    {UnusedFor: 90 * day, Org: "org_77"},
		"expires within 7":    {SecretExpiresWithin: 7 * day},
		"expires within 300":  {SecretExpiresWithin: 300 * day},
		"search and status":   {Search: "gateway", Status: oauth.StatusInactive},
		"API and place":       {API: "api-7", Org: "org_77", Places: []string{"ws_77_2_3", "acc_77_2", "org_77"}},
		"API, status, unused": {API: "api-7", Status: oauth.StatusActive, UnusedFor: 90 * day},
	}
	for _, reason := range []admin.Attention{
		admin.AttentionSecretExpiring, admin.AttentionUnused, admin.AttentionOldSecretInUse, admin.AttentionRefusedRequests,
	} {
		kinds[string(reason)] = admin.ClientQuery{Attention: reason}
		kinds[string(reason)+" of an org"] = admin.ClientQuery{Attention: reason, Org: "org_77"}
	}
	return kinds
}

// listSorts are the orders of lists.
func listSorts() []admin.ClientSort {
	return []admin.ClientSort{admin.ByName, admin.ByNameDown, admin.ByCreated, admin.ByCreatedDown, admin.ByUsed, admin.ByUsedDown}
}

// TestListPlans holds that no list reads all clients, or all of anything that each client has.
func TestListPlans(t *testing.T) {
	db := seeded(t, 40_000)
	reader := regexp.MustCompile(`Seq Scan on (clients|client_usage|secrets|secret_usage|grant_permissions|grant_places|tenants)\b`)
	for name, query := range listKinds() {
		for _, sort := range listSorts() {
			query.Sort, query.Limit, query.Now = sort, admin.DefaultPageLimit+1, now()
			for page := range 2 {
				if plan := explain(t, db, query); reader.MatchString(plan) {
					t.Errorf("%s by %s, page %d, reads a whole table:\n%s", name, sort, page, plan)
				}
				rows, err := db.Clients(t.Context(), query)
				if err != nil {
					t.Fatal(err)
				}
				if len(rows) == 0 {
					break
				}
				query.After = &rows[len(rows)-1].Position
			}
			query.After = nil
		}
	}
}

// TestExpiringPlans holds that a page of the few clients whose secret expires soon is collected by an index of that, which
// holds all that its order takes, and so touches few pages of the database.
func TestExpiringPlans(t *testing.T) {
	db := seeded(t, 40_000)
	byEnd := regexp.MustCompile(`Index Only Scan using (clients|client_usage)_by_secret_end`)
	for name, query := range map[string]admin.ClientQuery{
		"secret_expiring":  {Attention: admin.AttentionSecretExpiring},
		"expires within 7": {SecretExpiresWithin: 7 * 24 * time.Hour},
	} {
		for _, sort := range listSorts() {
			query.Sort, query.Limit, query.Now = sort, admin.DefaultPageLimit+1, now()
			plan := explain(t, db, query)
			if !byEnd.MatchString(plan) {
				t.Errorf("%s by %s is not collected by its index:\n%s", name, sort, plan)
			}
		}
	}
}

// explain answers the plans of the statements that a query leads to.
func explain(t *testing.T, db *DB, query admin.ClientQuery) string {
	t.Helper()
	order, err := orderOf(query.Sort)
	if err != nil {
		t.Fatal(err)
	}
	statements := []statement{listStatement(&query, order)}
	if query.Search != "" {
		probe, page := windowStatements(&query, order)
		statements = []statement{probe, page}
		rows, err := db.selectList(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < query.Limit {
			statements = append(statements, searchStatement(&query, order))
		}
	}
	var plan []string
	for _, s := range statements {
		var lines []string
		if err := db.sql.Select(&lines, "EXPLAIN "+s.text, s.values...); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, lines...)
	}
	return strings.Join(plan, "\n")
}

// TestSearchedAtOnce: what is stored is in the index of names, and not in a list beside it that every search reads.
func TestSearchedAtOnce(t *testing.T) {
	db := migrated(t, sharedPostgres.NewDatabase(t))
	planted(t, db)
	var pages int
	if err := db.sql.Get(&pages, `SELECT gin_clean_pending_list('clients_by_trigram')`); err != nil || pages != 0 {
		t.Errorf("%d pages waited in a list (%v)", pages, err)
	}
}

// TestSearchTwoWays holds that a search finds the same by both of its ways.
func TestSearchTwoWays(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		first, _ := planted(t, db)
		for i := range 30 {
			client := *first
			client.ID, client.Name, client.Secrets = oauth.NewID("cid"), fmt.Sprintf("Worker %d", i*7%30), nil
			client.CreatedAt = first.CreatedAt.Add(time.Duration(i/3) * time.Second)
			if err := db.CreateClient(t.Context(), &client, event("credential.created", client.ID)); err != nil {
				t.Fatal(err)
			}
		}
		for _, search := range []string{"WORK", "r 1", "2", "ROBOT", "none", first.ID[4:9], strings.ToUpper(first.ID[:9]), first.ID[:5]} {
			for _, sort := range listSorts() {
				query := admin.ClientQuery{Search: search, Org: "org_one", API: "profile", Sort: sort, Limit: 4, Now: now()}
				order, err := orderOf(sort)
				if err != nil {
					t.Fatal(err)
				}
				for {
					near, err := db.Clients(t.Context(), query)
					if err != nil {
						t.Fatal(err)
					}
					far, err := db.selectList(t.Context(), searchStatement(&query, order))
					if err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(near, far) {
						t.Fatalf("%q by %s: %v, and %v", search, sort, near, far)
					}
					if len(near) < query.Limit {
						break
					}
					query.After = &near[len(near)-1].Position
				}
			}
		}
	})
}

// TestListsForgetTheDeleted holds that a list in any order leaves out who was deleted, also if a batch of usage that was
// gathered before comes after: the lists by use do not look at clients, and count on that a tombstone has no usage.
func TestListsForgetTheDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		first, _ := planted(t, db)
		err := db.UpdateClient(t.Context(), first.ID, func(client *oauth.Client) (*admin.Event, error) {
			client.Status = oauth.StatusDeleted
			deleted := event("credential.deleted", client.ID)
			return &deleted, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		late := &oauth.Usage{ID: "batch_late", Clients: []oauth.ClientUse{{ClientID: first.ID, IssuedAt: now()}}}
		if err := db.AddUsage(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		for _, sort := range listSorts() {
			rows, err := db.Clients(t.Context(), admin.ClientQuery{Sort: sort, Limit: 10, Now: now()})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.ID == first.ID {
					t.Errorf("by %s: the deleted client is listed", sort)
				}
			}
		}
	})
}

// TestUsagePlans holds that a page's usage is looked up and not searched for.
func TestUsagePlans(t *testing.T) {
	db := seeded(t, 20_000)
	for _, table := range []string{"client_usage", "secret_usage", "usage_days"} {
		var where filter
		where.anyOf("client_id", []string{"cid_one", "cid_two", "cid_three"})
		var lines []string
		if err := db.sql.Select(&lines, fmt.Sprintf("EXPLAIN SELECT * FROM %s %s", table, &where), where.values...); err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s:\n%s", table, plan)
		}
	}
}

// TestListTimes measures pages of many credentials. It is for people.
func TestListTimes(t *testing.T) {
	if *manyCredentials == 0 {
		t.Skip("it takes long: see -credentials")
	}
	start := time.Now()
	db := seeded(t, *manyCredentials)
	t.Logf("%d credentials made in %s", *manyCredentials, time.Since(start))
	measureKinds(t, db, listKinds())
}

// measureKinds reads lists page by page.
func measureKinds(t *testing.T, db *DB, kinds map[string]admin.ClientQuery) {
	const pages = 40
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		for _, sort := range listSorts() {
			query := kinds[name]
			query.Sort, query.Limit = sort, admin.DefaultPageLimit+1
			var took []time.Duration
			for range pages {
				query.Now = now()
				asked := time.Now()
				rows, err := db.Clients(t.Context(), query)
				if err != nil {
					t.Fatalf("%s by %s: %v", name, sort, err)
				}
				took = append(took, time.Since(asked))
				if query.After = nil; len(rows) == query.Limit {
					query.After = &rows[len(rows)-1].Position
				}
			}
			slices.Sort(took)
			p50, p99 := took[pages/2], took[pages-1]
			t.Logf("%-32s %-14s p50 %8.2f ms  most %8.2f ms", name, sort, p50.Seconds()*1000, p99.Seconds()*1000)
			if p99 > 10*time.Millisecond {
				query.After = nil
				t.Log(explain(t, db, query))
			}
		}
	}
}

// TestSecretEnds holds that the database keeps when the secret of a client expires, whoever writes its secrets.
func TestSecretEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		client, _ := planted(t, db)
		soon := now().Add(time.Hour)
		old, _ := oauth.NewSecret(now().Add(-time.Hour), "test")
		old.ExpiresAt = now().Add(-time.Minute)
		expiring, _ := oauth.NewSecret(now(), "test")
		expiring.ExpiresAt = soon
		replaced := expiring
		replaced.StopsAt = soon
		stopped := expiring
		stopped.StoppedAt = now()
		lasting, _ := oauth.NewSecret(now(), "test")
		for _, step := range []struct {
			secrets []oauth.Secret
			listed  bool
		}{
			{[]oauth.Secret{expiring}, true},
			{[]oauth.Secret{lasting, replaced}, false},
			{[]oauth.Secret{expiring, old}, true},
			{[]oauth.Secret{lasting, old}, false},
			{[]oauth.Secret{stopped}, false},
			{[]oauth.Secret{expiring}, true},
			{nil, false},
		} {
			err := db.UpdateClient(t.Context(), client.ID, func(client *oauth.Client) (*admin.Event, error) {
				client.Secrets = step.secrets
				changed := event("credential.changed", client.ID)
				return &changed, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, sort := range []admin.ClientSort{admin.ByName, admin.ByUsed} {
				rows, err := db.Clients(t.Context(), admin.ClientQuery{
					Attention: admin.AttentionSecretExpiring, Sort: sort, Limit: 10, Now: now(),
				})
				if err != nil || len(rows) == 1 != step.listed {
					t.Errorf("%v: %d clients are listed by %s (%v)", step.secrets, len(rows), sort, err)
				}
			}
		}
	})
}
