package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

// manyCredentials is how many a large organization has.
const manyCredentials = 100_000

// fill puts many credentials beside the first one into a database that a server has set up.
func fill(t *testing.T, url string) {
	db, err := storage.Open(t.Context(), storage.Config{URL: url, MasterKey: make([]byte, masterKeyBytes), Now: now}) // Nothing is sealed.
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ids := make([]string, manyCredentials)
	for i := range ids {
		ids[i] = oauth.NewID("cid")
	}
	slices.Sort(ids) // What is inserted in the order of an index is inserted several times as fast.
	const batch = 2000
	for first := 0; first < manyCredentials; first += batch {
		clients := make([]*oauth.Client, batch)
		for i := range clients {
			at := now().Add(time.Duration(first+i-manyCredentials) * time.Second)
			secret, _ := oauth.NewSecret(at, "filler")
			clients[i] = &oauth.Client{
				ID: ids[first+i], OrgID: "org_example", Name: fmt.Sprintf("Program %06d", first+i), Status: oauth.StatusActive,
				AuthMethod: oauth.AuthSecret, Secrets: []oauth.Secret{secret},
				Grants:    []oauth.Grant{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}}}},
				CreatedAt: at, CreatedBy: "filler", UpdatedAt: at, UpdatedBy: "filler", Version: 1,
			}
		}
		if err := db.Seed(t.Context(), clients, admin.Event{
			ID: oauth.NewID("evt"), At: now(), ActorKind: admin.ActorSystem, ActorID: "filler", Action: "credentials.seeded",
			Target: "org_example", OrgID: "org_example",
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// startFull starts the program on a database with many credentials.
func startFull(t *testing.T) identity {
	url := "sqlite:" + filepath.Join(t.TempDir(), "full.db")
	first := startWith(t, identity{}, "LATCHKEY_DATABASE_URL="+url)
	fill(t, url)
	return first
}
