package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// testGrantRaces has some register clients, and change others, in the moment in which somebody takes a permission, an
// API or a place away. Whoever is first, nobody may hold at the end what is not there.
func testGrantRaces(t *testing.T, f *fixture) {
	f.plant(t)
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	issuer, err := oauth.NewIssuer(oauth.Config{
		URL: "https://latchkey.example", Store: f.Replica(t), MaxLifetime: time.Hour, Algorithm: jose.ES256, Now: now,
	})
	must(t, err)
	must(t, f.Admin.PutAPI(t.Context(), admin.ManagementAPIOf(issuer.URL()), f.event("api.created", admin.ManagementAPI)))
	registrar := admin.NewRegistrar(admin.RegistrarConfig{Store: f.Admin, Issuer: issuer, Cursors: []byte("key"), Now: now})
	tree := admin.Tree{Store: f.Admin, Cursors: []byte("key"), Now: now}
	catalog := admin.Catalog{Store: f.Admin, Now: now}
	actor := admin.System("test")

	const rounds, workers = 10, 6
	for kind, take := range map[string]func(admin.DeclaredAPI, string) error{
		"permission": func(api admin.DeclaredAPI, _ string) error {
			api.Permissions = api.Permissions[:1]
			_, err := catalog.Put(t.Context(), actor, api, forced())
			return err
		},
		"choice": func(api admin.DeclaredAPI, _ string) error {
			api.Choice = oauth.ChoiceOne
			_, err := catalog.Put(t.Context(), actor, api, forced())
			return err
		},
		"level": func(api admin.DeclaredAPI, _ string) error {
			api.Level = oauth.LevelOrg
			_, err := catalog.Put(t.Context(), actor, api, forced())
			return err
		},
		"api":   func(api admin.DeclaredAPI, _ string) error { return catalog.Delete(t.Context(), actor, api.Key, nil) },
		"place": func(_ admin.DeclaredAPI, place string) error { return tree.Delete(t.Context(), actor, place, nil) },
	} {
		for round := range rounds {
			api := admin.DeclaredAPI{
				Key: fmt.Sprintf("%s-%d", kind, round), Name: "Raced", Audience: "https://raced.example",
				Level: oauth.LevelWorkspace, Choice: oauth.ChoiceMany, TokenLifetime: 60,
				Permissions: []oauth.Permission{{Key: "read", Name: "Read"}, {Key: "write", Name: "Write"}},
			}
			_, err := catalog.Put(t.Context(), actor, api, admin.PutOptions{})
			must(t, err)
			place := admin.DeclaredTenant{ID: "wks-" + api.Key, Level: oauth.LevelWorkspace, Name: api.Key, ParentID: account}
			_, _, err = tree.Put(t.Context(), actor, place, admin.PutCondition{})
			must(t, err)
			old := f.create(t, "old "+api.Key)
			grants := []oauth.Grant{{API: api.Key, Permissions: []string{"write", "read"}, AppliesTo: oauth.Places{Workspaces: []string{place.ID}}}}
			atOnce(t, workers, func(worker int) (bool, error) {
				name := fmt.Sprintf("%s, worker %d", api.Key, worker)
				change := admin.ClientChange{Name: &name, Grants: &grants}
				var err error
				switch worker {
				case 0:
					time.Sleep(rand.N(3 * time.Millisecond))
					err = take(api, place.ID)
				case 1:
					_, err = registrar.Change(t.Context(), actor, old.ID, nil, change, false)
				default:
					time.Sleep(rand.N(3 * time.Millisecond))
					_, err = registrar.Register(t.Context(), actor, admin.NewClient{OrgID: org, ClientChange: change}, false)
				}
				return true, unexpected(err)
			})
		}
	}
	f.checkGrants(t)
}

func forced() admin.PutOptions {
	return admin.PutOptions{Only: admin.PutCondition{Match: new(admin.Precondition)}, Force: true}
}

// unexpected answers an error that is no refusal.
func unexpected(err error) error {
	var fields admin.FieldErrors
	var inUse *admin.InUseError
	if errors.As(err, &fields) || errors.As(err, &inUse) {
		return nil
	}
	return err
}

// checkGrants holds every grant against the catalogue and the tree.
func (f *fixture) checkGrants(t *testing.T) {
	clients := f.pages(t, admin.ClientQuery{Sort: admin.ByName, Limit: 100})
	held := 0
	for _, client := range clients {
		for _, grant := range client.Grants {
			held++
			api, err := f.Admin.API(t.Context(), grant.API)
			must(t, err)
			for _, key := range grant.Permissions {
				if _, exists := api.Permission(key); !exists {
					t.Errorf("%s holds %s, which does not exist", client.Name, api.ScopeOf(key))
				}
			}
			if api.Choice == oauth.ChoiceOne && len(grant.Permissions) > 1 {
				t.Errorf("%s holds several of one", client.Name)
			}
			places := grant.AppliesTo
			if api.Level == oauth.LevelOrg && !places.Org {
				t.Errorf("%s holds %+v of an API at the level %s", client.Name, places, api.Level)
			}
			tenants, err := f.Admin.TenantsByID(t.Context(), places.Workspaces)
			must(t, err)
			if len(tenants) != len(places.Workspaces) {
				t.Errorf("%s holds %v, of which some do not exist", client.Name, places.Workspaces)
			}
		}
	}
	t.Logf("%d clients hold %d grants", len(clients), held)
}
