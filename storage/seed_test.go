package storage

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage/storagetest"
)

// seedClients makes clients of the org that planted has made.
func seedClients(n int) []*oauth.Client {
	clients := make([]*oauth.Client, n)
	for i := range clients {
		secret, _ := oauth.NewSecret(now(), "seeder")
		id := oauth.NewID("cid")
		clients[i] = &oauth.Client{
			ID: id, OrgID: "org_one", Name: "Seed " + id, Status: oauth.StatusActive, AuthMethod: oauth.AuthSecret,
			Secrets: []oauth.Secret{secret},
			Grants: []oauth.Grant{{
				API: "profile", Permissions: []string{"read", "write"}, AppliesTo: oauth.Places{Accounts: []string{"org_one"}},
			}},
			CreatedAt: now(), UpdatedAt: now().Add(time.Second), Version: 1,
		}
	}
	return clients
}

// TestSeed: clients that were seeded are as if each had been created, and no memory misses them.
func TestSeed(t *testing.T) {
	onBoth(t, func(t *testing.T, newURL func(testing.TB) string) {
		db := migrated(t, newURL(t))
		planted(t, db)
		f := fresh(t, db, FreshConfig{})
		clients := seedClients(1200) // More than one statement holds.
		if _, err := f.Client(t.Context(), clients[0].ID); err == nil {
			t.Fatal("the client is there before it is seeded")
		}
		if err := db.Seed(t.Context(), clients, event("credentials.seeded", "org_one")); err != nil {
			t.Fatal(err)
		}
		for _, client := range []*oauth.Client{clients[0], clients[700], clients[1199]} {
			got, err := f.Client(t.Context(), client.ID)
			if err != nil {
				t.Fatal(err)
			}
			want := storagetest.ForProtocol(client)
			want.StatusPlace = got.StatusPlace // It is drawn when the client is stored.
			if difference := cmp.Diff(want, storagetest.ForProtocol(got)); difference != "" {
				t.Errorf("the client differs (-want +got):\n%s", difference)
			}
			checkGrantTables(t, db, client.ID)
		}
		events, err := db.Events(t.Context(), admin.EventQuery{Target: "org_one", Limit: 1})
		if err != nil || len(events) != 1 || events[0].Action != "credentials.seeded" {
			t.Errorf("the events are %v (%v)", events, err)
		}
		// All or none.
		more := append(seedClients(600), clients[0])
		if err := db.Seed(t.Context(), more, event("credentials.seeded", "org_one")); err == nil {
			t.Error("a client was seeded twice")
		}
		if _, err := db.Client(t.Context(), more[0].ID); err == nil {
			t.Error("a part of what failed is there")
		}
	})
}

func BenchmarkSeed(b *testing.B) {
	db := migrated(b, newFile(b))
	planted(b, db)
	for b.Loop() {
		if err := db.Seed(b.Context(), seedClients(500), event("credentials.seeded", "org_one")); err != nil {
			b.Fatal(err)
		}
	}
}
