package admin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// replacing is the condition of whoever has seen one of these versions.
func replacing(versions ...int64) admin.PutCondition {
	return admin.PutCondition{Match: said(admin.Precondition(versions))}
}

// pointers answers the field errors in short, or fails.
func pointers(t *testing.T, err error) []string {
	t.Helper()
	var fields admin.FieldErrors
	if !errors.As(err, &fields) {
		t.Fatalf("%v are no field errors", err)
	}
	var short []string
	for _, field := range fields {
		short = append(short, field.Pointer+" "+field.Code)
	}
	slices.Sort(short)
	return short
}

func TestPutTenantAnswersAllFieldErrorsAtOnce(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		declared admin.DeclaredTenant
		only     admin.PutCondition
		want     []string
	}{
		"nothing": {admin.DeclaredTenant{ID: "ws_new"}, admin.PutCondition{}, []string{"/level unknown", "/name invalid"}},
		"everything": {
			admin.DeclaredTenant{ID: "-x", Level: "planet", Name: "\u202eevil ", ParentID: "acc_eu", Status: "asleep"}, admin.PutCondition{},
			[]string{"/id invalid", "/level unknown", "/name invalid", "/name invalid", "/status unknown"},
		},
		"too long": {
			admin.DeclaredTenant{ID: strings.Repeat("a", 65), Level: "org", Name: strings.Repeat("ä", 201), ParentID: "org_example"}, admin.PutCondition{},
			[]string{"/id invalid", "/name too_long", "/parent_id not_allowed"},
		},
		"no parent":      {admin.DeclaredTenant{ID: "ws_new", Level: "workspace", Name: "New"}, admin.PutCondition{}, []string{"/parent_id required"}},
		"unknown parent": {admin.DeclaredTenant{ID: "ws_new", Level: "workspace", Name: "New", ParentID: "acc\x00"}, admin.PutCondition{}, []string{"/parent_id unknown"}},
		"wrong parent": {
			admin.DeclaredTenant{ID: "ws_new", Level: "workspace", Name: "New", ParentID: "org_example", OrgID: "org_other"}, admin.PutCondition{},
			[]string{"/org_id invalid", "/parent_id wrong_level"},
		},
		"moved": {
			admin.DeclaredTenant{ID: "ws_eu_prod", Level: "account", Name: "Moved", ParentID: "acc_us", OrgID: "org_other"}, replacing(1),
			[]string{"/level immutable", "/org_id immutable", "/parent_id immutable"},
		},
	} {
		_, _, err := h.tree.Put(t.Context(), h.boss, test.declared, test.only)
		if diff := cmp.Diff(test.want, pointers(t, err)); diff != "" {
			t.Errorf("%s: field errors (-want +got):\n%s", name, diff)
		}
	}
}

func TestLifeOfATenant(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	space := admin.DeclaredTenant{ID: "ws_eu_test", Level: oauth.LevelWorkspace, Name: "Test", ParentID: "acc_eu"}
	put := func(only admin.PutCondition) (*admin.TenantRow, bool, error) {
		return h.tree.Put(ctx, h.boss, space, only)
	}

	if _, _, err := put(replacing(1)); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("replacing nothing answered %v", err)
	}
	row, created, err := put(admin.PutCondition{Absent: true})
	if err != nil || !created || row.Version != 1 || row.OrgID != "org_example" || row.Status != oauth.StatusActive {
		t.Fatalf("creating answered %+v, %v, %v", row, created, err)
	}
	var stale *admin.StaleError
	if _, _, err := put(admin.PutCondition{Absent: true}); !errors.As(err, &stale) || stale.Current != 1 {
		t.Errorf("creating it again answered %v", err)
	}
	if _, _, err := put(admin.PutCondition{}); !errors.Is(err, admin.ErrPreconditionRequired) {
		t.Errorf("replacing what was not seen answered %v", err)
	}
	if row, err := h.tree.Deactivate(ctx, h.boss, space.ID); err != nil || row.Status != oauth.StatusInactive || row.Version != 2 {
		t.Errorf("deactivating answered %+v, %v", row, err)
	}
	if row, err := h.tree.Deactivate(ctx, h.boss, space.ID); err != nil || row.Version != 2 {
		t.Errorf("deactivating again answered %+v, %v", row, err)
	}
	space.Name = "Renamed"
	if _, _, err := put(replacing(1)); !errors.As(err, &stale) || stale.Current != 2 {
		t.Errorf("replacing an old version answered %v", err)
	}
	row, created, err = put(replacing(2))
	if err != nil || created || row.Status != oauth.StatusInactive || row.Name != "Renamed" || row.Version != 3 {
		t.Errorf("renaming answered %+v, %v, %v: it must not activate", row, created, err)
	}
	if row, _, err := put(replacing(3)); err != nil || row.Version != 3 {
		t.Errorf("changing nothing answered %+v, %v", row, err)
	}
	space.Name = "EU Production"
	if _, _, err := put(replacing(3)); !errors.Is(err, admin.ErrNameTaken) {
		t.Errorf("a sibling's name answered %v", err)
	}
	if row, err := h.tree.Activate(ctx, h.boss, space.ID); err != nil || row.Status != oauth.StatusActive {
		t.Errorf("activating answered %+v, %v", row, err)
	}

	client := h.register(t, admin.NewClient{ClientChange: admin.ClientChange{
		Name:   said("holder"),
		Grants: said([]oauth.Grant{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{space.ID}}}}),
	}})
	for id, want := range map[string]admin.InUseError{
		space.ID:      {Total: 1, Credentials: []admin.Loss{{ClientID: client.ID, OrgID: "org_example", Name: "holder"}}},
		"acc_us":      {Total: 3},
		"org_example": {Total: 4},
	} {
		var inUse *admin.InUseError
		err := h.tree.Delete(ctx, h.boss, id, nil)
		if !errors.As(err, &inUse) || inUse.Total != want.Total || len(inUse.Children)+len(inUse.Credentials) != want.Total {
			t.Errorf("deleting %s answered %+v, %v", id, inUse, err)
		} else if diff := cmp.Diff(want.Credentials, inUse.Credentials); diff != "" && id == space.ID {
			t.Errorf("deleting %s names others (-want +got):\n%s", id, diff)
		}
	}
	if err := h.registrar.Remove(ctx, h.boss, client.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.tree.Delete(ctx, h.boss, space.ID, admin.Precondition{1}); !errors.As(err, &stale) {
		t.Errorf("deleting an old version answered %v", err)
	}
	if err := h.tree.Delete(ctx, h.boss, space.ID, nil); err != nil {
		t.Fatal(err)
	}
	space.Name, space.ParentID = "Again", "acc_us"
	_, _, err = put(admin.PutCondition{})
	if got := pointers(t, err); !slices.Equal(got, []string{"/parent_id immutable"}) {
		t.Errorf("the id of a deleted tenant elsewhere answered %v", got)
	}
	space.ParentID = "acc_eu"
	if _, created, err := put(admin.PutCondition{}); err != nil || !created {
		t.Errorf("making it again answered %v, %v", created, err)
	}

	events, err := h.trail.Events(ctx, h.boss, admin.EventFilter{Target: space.ID}, admin.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, event := range events.Rows {
		actions = append(actions, event.Action)
	}
	want := []string{"tenant.created", "tenant.deleted", "tenant.activated", "tenant.changed", "tenant.deactivated", "tenant.created"}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestAnOrgWithATombstoneCanBeDeleted: the deleted credentials of an org do not keep it for ever.
func TestAnOrgWithATombstoneCanBeDeleted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	if _, _, err := h.tree.Put(ctx, h.boss, admin.DeclaredTenant{ID: "org_brief", Level: oauth.LevelOrg, Name: "Brief"}, admin.PutCondition{}); err != nil {
		t.Fatal(err)
	}
	client := h.register(t, admin.NewClient{OrgID: "org_brief", ClientChange: admin.ClientChange{
		Name: said("brief"), Grants: said([]oauth.Grant{{API: "custom-roles"}}),
	}})
	var inUse *admin.InUseError
	if err := h.tree.Delete(ctx, h.boss, "org_brief", nil); !errors.As(err, &inUse) || inUse.Credentials[0].ClientID != client.ID {
		t.Errorf("deleting the org of a credential answered %v", err)
	}
	if err := h.registrar.Remove(ctx, h.boss, client.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.tree.Delete(ctx, h.boss, "org_brief", nil); err != nil {
		t.Error(err)
	}
	_, err := h.registrar.Register(ctx, h.boss, admin.NewClient{OrgID: "org_brief", ClientChange: admin.ClientChange{
		Name: said("late"), Grants: said([]oauth.Grant{{API: "custom-roles"}}),
	}}, false)
	if got := pointers(t, err); !slices.Equal(got, []string{"/org_id unknown"}) {
		t.Errorf("a credential of a deleted org answered %v", got)
	}
}

// TestWhoMayChangeTheTree: an actor of an org reaches that org alone, and does not change the org itself.
func TestWhoMayChangeTheTree(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, tenant := range []admin.DeclaredTenant{
		{ID: "org_other", Level: oauth.LevelOrg, Name: "Other"},
		{ID: "acc_other", Level: oauth.LevelAccount, Name: "Other", ParentID: "org_other"},
	} {
		if _, _, err := h.tree.Put(ctx, h.boss, tenant, admin.PutCondition{}); err != nil {
			t.Fatal(err)
		}
	}
	local := h.boss
	local.Org = "org_example"
	nobody := admin.Actor{Kind: admin.ActorClient, ID: "cid_nobody", Permissions: []string{admin.CatalogRead}}
	account := admin.DeclaredTenant{ID: "acc_new", Level: oauth.LevelAccount, Name: "New", ParentID: "org_example"}

	if _, _, err := h.tree.Put(ctx, local, account, admin.PutCondition{}); err != nil {
		t.Errorf("an account in the own org: %v", err)
	}
	if _, err := h.tree.Deactivate(ctx, local, account.ID); err != nil {
		t.Errorf("deactivating it: %v", err)
	}
	if err := h.tree.Delete(ctx, local, account.ID, nil); err != nil {
		t.Errorf("deleting it: %v", err)
	}
	account.ParentID = "org_other"
	_, _, err := h.tree.Put(ctx, local, account, admin.PutCondition{})
	if got := pointers(t, err); !slices.Equal(got, []string{"/parent_id unknown"}) {
		t.Errorf("an account in another org answered %v", got)
	}
	any := replacing()
	any.Match = new(admin.Precondition)
	put := func(actor admin.Actor, tenant admin.DeclaredTenant) error {
		_, _, err := h.tree.Put(ctx, actor, tenant, any)
		return err
	}
	var forbidden *admin.ForbiddenError
	for name, test := range map[string]struct {
		err   error
		found bool
	}{
		"another org's account": {put(local, admin.DeclaredTenant{ID: "acc_other", Level: oauth.LevelAccount, Name: "Mine", ParentID: "org_example"}), false},
		"another org":           {put(local, admin.DeclaredTenant{ID: "org_other", Level: oauth.LevelOrg, Name: "Mine"}), false},
		"deleting another's":    {h.tree.Delete(ctx, local, "acc_other", nil), false},
		"the own org":           {put(local, admin.DeclaredTenant{ID: "org_example", Level: oauth.LevelOrg, Name: "Mine"}), true},
		"deleting the own org":  {h.tree.Delete(ctx, local, "org_example", nil), true},
		"no right":              {put(nobody, admin.DeclaredTenant{ID: "acc_eu", Level: oauth.LevelAccount, Name: "Mine", ParentID: "org_example"}), true},
		"deleting, no right":    {h.tree.Delete(ctx, nobody, "acc_eu", nil), true},
	} {
		if errors.As(test.err, &forbidden) != test.found || errors.Is(test.err, oauth.ErrNotFound) == test.found {
			t.Errorf("%s answered %v", name, test.err)
		}
	}
	if _, _, err := h.tree.Put(ctx, local, admin.DeclaredTenant{ID: "org_mine", Level: oauth.LevelOrg, Name: "Mine"}, admin.PutCondition{}); !errors.As(err, &forbidden) {
		t.Errorf("making an org answered %v", err)
	}
	if _, err := h.tree.Deactivate(ctx, local, "org_other"); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("deactivating another org answered %v", err)
	}
}
