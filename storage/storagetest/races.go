package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// testGrantRaces has some register and change clients while others take permissions, APIs and places away, and bring
// them back. At the end nobody may hold what does not exist, nor what was taken and came back.
func testGrantRaces(t *testing.T, f *fixture) {
	f.plant(t)
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	issuer, err := oauth.NewIssuer(oauth.Config{URL: "https://latchkey.example", Store: f.Replica(t), MaxLifetime: time.Hour, Now: now})
	must(t, err)
	setup := admin.Setup{Store: f.Admin, IssuerURL: issuer.URL(), Now: now}
	_, err = setup.Run(t.Context())
	must(t, err)
	registrar := admin.NewRegistrar(admin.RegistrarConfig{Store: f.Admin, Issuer: issuer, Cursors: []byte("key"), Now: now})
	tree := admin.Tree{Store: f.Admin, Cursors: []byte("key"), Now: now}
	catalog := admin.Catalog{Store: f.Admin, Now: now}
	actor := admin.System("test")
	any := admin.PutCondition{Match: new(admin.Precondition)}

	api := admin.DeclaredAPI{
		Key: "raced", Name: "Raced", Audience: "https://raced.example", Level: oauth.LevelWorkspace, Choice: oauth.ChoiceMany,
		Permissions: []oauth.Permission{{Key: "read", Name: "Read"}, {Key: "write", Name: "Write"}}, TokenLifetime: 60,
	}
	less, one, higher := api, api, api
	less.Permissions, one.Choice, higher.Level = api.Permissions[:1], oauth.ChoiceOne, oauth.LevelOrg
	place := admin.DeclaredTenant{ID: "wks_raced", Level: oauth.LevelWorkspace, Name: "Raced", ParentID: account}
	_, err = catalog.Put(t.Context(), actor, api, admin.PutOptions{})
	must(t, err)

	grants := []oauth.Grant{{API: "raced", Permissions: []string{"write", "read"}, AppliesTo: oauth.Places{Workspaces: []string{"wks_raced", workspace}}}}
	var made [6]string
	atOnce(t, 12, func(worker int) (bool, error) {
		for round := range 25 {
			var err error
			switch who := worker / 2; {
			case who < 3 && made[worker] != "" && round%2 == 1:
				_, err = registrar.Change(t.Context(), actor, made[worker], nil, admin.ClientChange{Grants: &grants}, false)
			case who < 3:
				name := fmt.Sprintf("worker %d, round %d", worker, round)
				var outcome admin.Outcome
				outcome, err = registrar.Register(t.Context(), actor, admin.NewClient{
					OrgID: org, ClientChange: admin.ClientChange{Name: &name, Grants: &grants},
				}, false)
				if err == nil {
					made[worker] = outcome.Client.ID
				}
			case who == 3:
				_, _, err = tree.Put(t.Context(), actor, place, admin.PutCondition{})
			case who == 4:
				err = tree.Delete(t.Context(), actor, place.ID, nil)
			default:
				changed := []admin.DeclaredAPI{less, one, higher, api, api, api}[rand.IntN(6)]
				_, err = catalog.Put(t.Context(), actor, changed, admin.PutOptions{Only: any, Force: true})
			}
			if err := unexpected(err); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	f.checkGrants(t)
}

// unexpected answers an error that is no refusal.
func unexpected(err error) error {
	var fields admin.FieldErrors
	var inUse *admin.InUseError
	if errors.As(err, &fields) || errors.As(err, &inUse) || errors.Is(err, oauth.ErrNotFound) ||
		errors.Is(err, admin.ErrPreconditionRequired) || errors.Is(err, admin.ErrNameTaken) {
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
			if (api.Level == oauth.LevelOrg) != places.Org {
				if api.Level != oauth.LevelInstallation {
					t.Errorf("%s holds %+v of an API at the level %s", client.Name, places, api.Level)
				}
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
