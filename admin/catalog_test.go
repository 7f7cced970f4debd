package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func orders() admin.DeclaredAPI {
	return admin.DeclaredAPI{
		Key: "orders", Name: "Orders", Audience: "https://orders.example", Level: oauth.LevelWorkspace,
		Choice: oauth.ChoiceMany, TokenLifetime: 60,
		Permissions: []oauth.Permission{{Key: "read", Name: "Read"}, {Key: "write", Name: "Write"}, {Key: "admin", Name: "Admin"}},
	}
}

func (h *house) putAPI(t *testing.T, declared admin.DeclaredAPI, force bool) admin.PutOutcome {
	t.Helper()
	only := admin.PutCondition{}
	if _, err := h.catalog.API(t.Context(), h.boss, declared.Key); err == nil {
		only.Match = new(admin.Precondition)
	}
	outcome, err := h.catalog.Put(t.Context(), h.boss, declared, admin.PutOptions{Only: only, Force: force})
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// holder registers a credential with these permissions of the API orders.
func (h *house) holder(t *testing.T, name string, permissions ...string) *oauth.Client {
	t.Helper()
	return h.register(t, admin.NewClient{ClientChange: admin.ClientChange{Name: said(name), Grants: said([]oauth.Grant{
		{API: "orders", Permissions: permissions, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}}},
	})}})
}

func TestPutAPIAnswersAllFieldErrorsAtOnce(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		spoil func(*admin.DeclaredAPI)
		want  []string
	}{
		"nothing": {func(api *admin.DeclaredAPI) { *api = admin.DeclaredAPI{Key: "orders"} }, []string{
			"/audience required", "/choice unknown", "/level unknown", "/name invalid", "/permissions required", "/token_lifetime out_of_range",
		}},
		"everything": {func(api *admin.DeclaredAPI) {
			*api = admin.DeclaredAPI{
				Key: "Orders!", Name: "\x00", Description: strings.Repeat("x", 2001), Audience: "//relative", Level: oauth.LevelInstallation,
				Choice: "few", TokenLifetime: 86401, Status: oauth.StatusDeleted, GrantableBy: []string{"admin", "king", "admin"},
				Permissions: []oauth.Permission{{Key: "a b", Name: "A"}, {Key: "read", Name: " "}, {Key: "read", Name: "Read", Sentence: "a\nb"}},
			}
		}, []string{
			"/audience invalid", "/choice unknown", "/description too_long", "/grantable_by/1 unknown", "/grantable_by/2 repeated",
			"/key invalid", "/level unknown", "/name invalid", "/permissions/0/key invalid", "/permissions/1/name invalid",
			"/permissions/2/key repeated", "/permissions/2/sentence invalid", "/status unknown", "/token_lifetime out_of_range",
		}},
		"fragment":   {func(api *admin.DeclaredAPI) { api.Audience = "https://orders.example/#" }, []string{"/audience invalid"}},
		"not ASCII":  {func(api *admin.DeclaredAPI) { api.Audience = "https://ordérs.example" }, []string{"/audience invalid"}},
		"opaque":     {func(api *admin.DeclaredAPI) { api.Audience = "urn:example:orders"; api.Choice = "" }, []string{"/choice unknown"}},
		"management": {func(api *admin.DeclaredAPI) { api.Audience = admin.ManagementAudience(issuerURL) }, []string{"/audience reserved"}},
		"too many": {func(api *admin.DeclaredAPI) {
			api.Permissions = make([]oauth.Permission, 101)
			api.GrantableBy = make([]string, 5)
		}, []string{"/grantable_by too_many", "/permissions too_many"}},
		"hyphens": {func(api *admin.DeclaredAPI) { api.Key = "a--b" }, []string{"/key invalid"}},
	} {
		api := orders()
		test.spoil(&api)
		_, err := h.catalog.Put(t.Context(), h.boss, api, admin.PutOptions{})
		if diff := cmp.Diff(test.want, pointers(t, err)); diff != "" {
			t.Errorf("%s: field errors (-want +got):\n%s", name, diff)
		}
	}
}

// TestChangesOfAnAPI holds every kind of change against credentials with one, two and no permission that is concerned.
func TestChangesOfAnAPI(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*admin.DeclaredAPI)
		// lost maps each credential to what it loses; those that the change does not concern are not named.
		lost map[string]string
		off  []string
	}{
		"words": {func(api *admin.DeclaredAPI) {
			api.Name, api.Description, api.TokenLifetime, api.GrantableBy = "New", "New.", 30, []string{"admin"}
			api.Permissions[0].Name = "See"
		}, nil, nil},
		"a new permission": {func(api *admin.DeclaredAPI) {
			api.Permissions = append(api.Permissions, oauth.Permission{Key: "new", Name: "New"})
		}, nil, nil},
		"off":                       {func(api *admin.DeclaredAPI) { api.Status = oauth.StatusInactive }, nil, nil},
		"a permission nobody holds": {func(api *admin.DeclaredAPI) { api.Permissions = api.Permissions[:2] }, nil, nil},
		"a permission": {func(api *admin.DeclaredAPI) { api.Permissions = slices.Delete(api.Permissions, 1, 2) },
			map[string]string{"writer": "orders:write", "both": "orders:write"}, []string{"writer"}},
		"choice": {func(api *admin.DeclaredAPI) { api.Choice = oauth.ChoiceOne },
			map[string]string{"both": "orders:read orders:write"}, []string{"both"}},
		"a permission and choice": {func(api *admin.DeclaredAPI) {
			api.Permissions, api.Choice = slices.Delete(api.Permissions, 1, 2), oauth.ChoiceOne
		}, map[string]string{"writer": "orders:write", "both": "orders:write"}, []string{"writer"}},
		"level": {func(api *admin.DeclaredAPI) { api.Level = oauth.LevelOrg },
			map[string]string{"reader": "orders:read", "writer": "orders:write", "both": "orders:read orders:write"}, []string{"reader", "writer", "both"}},
		"audience": {func(api *admin.DeclaredAPI) { api.Audience = "https://new.example" },
			map[string]string{"reader": "", "writer": "", "both": ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ctx := t.Context()
			h.putAPI(t, orders(), false)
			clients := map[string]*oauth.Client{
				"reader": h.holder(t, "reader", "read"), "writer": h.holder(t, "writer", "write"), "both": h.holder(t, "both", "read", "write"),
			}
			changed := orders()
			test.change(&changed)
			any := admin.PutCondition{Match: new(admin.Precondition)}

			_, err := h.catalog.Put(ctx, h.boss, changed, admin.PutOptions{Only: any})
			var inUse *admin.InUseError
			if refused := errors.As(err, &inUse); refused != (test.lost != nil) || refused && inUse.Total != len(test.lost) {
				t.Errorf("unforced it answered %v", err)
			}
			if test.lost == nil {
				return
			}
			trial, err := h.catalog.Put(ctx, h.boss, changed, admin.PutOptions{Only: any, Force: true, DryRun: true})
			if err != nil {
				t.Fatal(err)
			}
			for name, client := range clients {
				now, err := h.registrar.Client(ctx, h.boss, client.ID)
				if err != nil || now.Version != 1 {
					t.Errorf("a dry run changed %s: %v", name, err)
				}
			}
			outcome := h.putAPI(t, changed, true)
			if diff := cmp.Diff(trial.Lost, outcome.Lost); diff != "" || len(trial.Changes) == 0 {
				t.Errorf("the dry run said something else (-dry +real):\n%s", diff)
			}
			lost := make(map[string]string)
			for _, loss := range outcome.Lost {
				lost[loss.Name] = strings.Join(loss.Scopes, " ")
				if loss.Deactivated != slices.Contains(test.off, loss.Name) {
					t.Errorf("%s: deactivated is %v", loss.Name, loss.Deactivated)
				}
			}
			if diff := cmp.Diff(test.lost, lost); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}
			h.putAPI(t, orders(), true) // What was taken does not come back.
			for name, client := range clients {
				h.checkShrunk(t, client, lost[name], slices.Contains(test.off, name))
			}
		})
	}
}

// checkShrunk holds a credential, and its events, against what it should have lost.
func (h *house) checkShrunk(t *testing.T, before *oauth.Client, lost string, off bool) {
	t.Helper()
	now, err := h.registrar.Client(t.Context(), h.boss, before.ID)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, key := range before.Grants[0].Permissions {
		if !strings.Contains(lost, "orders:"+key) {
			want = append(want, key)
		}
	}
	var got []string
	for _, grant := range now.Grants {
		got = append(got, grant.Permissions...)
	}
	if !slices.Equal(got, want) || (now.Status == oauth.StatusInactive) != off {
		t.Errorf("%s holds %v and is %s; want %v", before.Name, got, now.Status, want)
	}
	events, err := h.trail.Events(t.Context(), h.boss, admin.EventFilter{Target: before.ID}, admin.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	shrunk := 0
	for _, event := range events.Rows {
		if event.Action == "credential.shrunk" {
			shrunk++
		}
	}
	if (shrunk > 0) != (lost != "") || shrunk > 1 {
		t.Errorf("%s: %d events of its loss of %q", before.Name, shrunk, lost)
	}
}

func TestManyAreConcerned(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.putAPI(t, orders(), false)
	for i := range admin.MaxForced + 1 {
		name := fmt.Sprintf("holder %d", i)
		client := &oauth.Client{
			ID: oauth.NewID("cid"), OrgID: "org_example", Name: name, Status: oauth.StatusActive, AuthMethod: oauth.AuthSecret,
			Grants:    []oauth.Grant{{API: "orders", Permissions: []string{"write"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}}}},
			CreatedAt: now(), UpdatedAt: now(), Version: 1,
		}
		if err := h.db.CreateClient(ctx, client, admin.Event{ID: oauth.NewID("evt"), At: now()}); err != nil {
			t.Fatal(err)
		}
	}
	less := orders()
	less.Permissions = less.Permissions[:1]
	any := admin.PutCondition{Match: new(admin.Precondition)}
	var inUse *admin.InUseError
	if _, err := h.catalog.Put(ctx, h.boss, less, admin.PutOptions{Only: any, Force: true}); !errors.As(err, &inUse) || inUse.Total != admin.MaxForced+1 || !inUse.TooMany {
		t.Errorf("with too many it answered %v", err)
	}
	clients, err := h.db.Holders(ctx, admin.HolderQuery{API: "orders", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.registrar.Remove(ctx, h.boss, clients[0].ID, nil); err != nil {
		t.Fatal(err)
	}
	if outcome := h.putAPI(t, less, true); len(outcome.Lost) != admin.MaxForced {
		t.Errorf("%d credentials lost something", len(outcome.Lost))
	}
}

func TestLifeOfAnAPI(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	if outcome := h.putAPI(t, orders(), false); !outcome.Created || outcome.API.Version != 1 {
		t.Errorf("creating answered %+v", outcome)
	}
	if outcome := h.putAPI(t, orders(), false); outcome.Created || outcome.API.Version != 1 || len(outcome.Changes) != 0 {
		t.Errorf("changing nothing answered %+v", outcome)
	}
	if _, err := h.catalog.Put(ctx, h.boss, orders(), admin.PutOptions{}); !errors.Is(err, admin.ErrPreconditionRequired) {
		t.Errorf("replacing what was not seen answered %v", err)
	}
	client := h.holder(t, "holder", "read")
	for range 2 {
		if off, err := h.catalog.Deactivate(ctx, h.boss, "orders"); err != nil || off.Status != oauth.StatusInactive || off.Version != 2 {
			t.Errorf("deactivating answered %+v, %v", off, err)
		}
	}
	if outcome := h.putAPI(t, orders(), false); outcome.API.Status != oauth.StatusInactive {
		t.Error("a put without a status activated the API")
	}
	if on, err := h.catalog.Activate(ctx, h.boss, "orders"); err != nil || on.Status != oauth.StatusActive {
		t.Errorf("activating answered %+v, %v", on, err)
	}
	var inUse *admin.InUseError
	if err := h.catalog.Delete(ctx, h.boss, "orders", nil); !errors.As(err, &inUse) || inUse.Credentials[0].Scopes[0] != "orders:read" {
		t.Errorf("deleting what is in use answered %v", err)
	}
	if err := h.registrar.Remove(ctx, h.boss, client.ID, nil); err != nil {
		t.Fatal(err)
	}
	var stale *admin.StaleError
	if err := h.catalog.Delete(ctx, h.boss, "orders", admin.Precondition{1}); !errors.As(err, &stale) {
		t.Errorf("deleting an old version answered %v", err)
	}
	if err := h.catalog.Delete(ctx, h.boss, "orders", nil); err != nil {
		t.Error(err)
	}
	if _, err := h.catalog.API(ctx, h.boss, "orders"); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("reading what was deleted answered %v", err)
	}
}

func TestWhoMayChangeTheCatalogue(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	local := h.boss
	local.Org = "org_example"
	nobody := admin.Actor{Kind: admin.ActorClient, ID: "cid_nobody", Permissions: []string{admin.CatalogRead}}
	for _, actor := range []admin.Actor{local, nobody} {
		for name, act := range map[string]func() error{
			"put":        func() error { _, err := h.catalog.Put(ctx, actor, orders(), admin.PutOptions{}); return err },
			"delete":     func() error { return h.catalog.Delete(ctx, actor, "profile", nil) },
			"activate":   func() error { _, err := h.catalog.Activate(ctx, actor, "profile"); return err },
			"deactivate": func() error { _, err := h.catalog.Deactivate(ctx, actor, "profile"); return err },
		} {
			var forbidden *admin.ForbiddenError
			if err := act(); !errors.As(err, &forbidden) {
				t.Errorf("%s by %s answered %v", name, actor.ID, err)
			}
		}
	}
	management := orders()
	management.Key = admin.ManagementAPI
	for name, act := range map[string]func() error{
		"put":        func() error { _, err := h.catalog.Put(ctx, h.boss, management, admin.PutOptions{}); return err },
		"delete":     func() error { return h.catalog.Delete(ctx, h.boss, admin.ManagementAPI, nil) },
		"deactivate": func() error { _, err := h.catalog.Deactivate(ctx, h.boss, admin.ManagementAPI); return err },
	} {
		if err := act(); !errors.Is(err, admin.ErrReserved) {
			t.Errorf("%s of the management API answered %v", name, err)
		}
	}
}
