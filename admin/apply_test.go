package admin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/deploy"
	"github.com/latchkey-auth/latchkey/oauth"
)

const wanted = `
tenants:
  - {id: acc_apac, level: account, name: Asia Pacific, parent_id: org_example}
  - {id: ws_jp, level: workspace, name: Japan, parent_id: acc_apac}
  - {id: ws_eu_prod, level: workspace, name: Europe Production, parent_id: acc_eu}
apis:
  - key: orders
    name: Orders
    audience: https://orders.example
    level: workspace
    choice: many
    token_lifetime: 60
    permissions:
      - {key: read, name: Read}
      - {key: write, name: Write}
credentials:
  - name: Shipper
    status: active
    owner: ships@example.com
    allowed_cidrs: [192.0.2.7]
    grants:
      - {api: orders, permissions: [read, write], applies_to: {all_workspaces_of: [acc_apac]}}
      - {api: custom-roles}
  - name: Reader
    note: Declared before it was there.
`

func parse(t *testing.T, text string) admin.Declaration {
	t.Helper()
	declared, err := admin.ParseDeclaration([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return declared
}

// steps answers what an apply did, in short.
func steps(applied admin.Applied) []string {
	var short []string
	for _, step := range applied.Steps {
		action := "changed "
		if step.Created {
			action = "created "
		}
		id := step.ID
		if step.Kind == "credential" {
			id = ""
		}
		short = append(short, strings.TrimSpace(action+step.Kind+" "+id))
	}
	return short
}

func TestApply(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.register(t, profileReader("Reader"))
	if _, err := h.tree.Deactivate(ctx, h.boss, "ws_us_dev"); err != nil {
		t.Fatal(err)
	}
	declared := parse(t, wanted)
	want := []string{
		"created tenant acc_apac", "created tenant ws_jp", "changed tenant ws_eu_prod", "created api orders",
		"created credential", "changed credential",
	}
	for _, dryRun := range []bool{true, true, false} {
		applied, err := h.applier.Apply(ctx, h.boss, declared, admin.ApplyOptions{DryRun: dryRun})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, steps(applied)); diff != "" {
			t.Errorf("dry run %v: steps (-want +got):\n%s", dryRun, diff)
		}
		if len(applied.Warnings) != 3 { // Two choices, and the credential that waits for a secret.
			t.Errorf("warnings: %q", applied.Warnings)
		}
	}
	again, err := h.applier.Apply(ctx, h.boss, declared, admin.ApplyOptions{})
	if err != nil || len(again.Steps) != 0 {
		t.Errorf("applying again did %v, %v", steps(again), err)
	}
	example, err := h.applier.Apply(ctx, h.boss, parse(t, string(deploy.Example)), admin.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"changed tenant ws_eu_prod"}, steps(example)); diff != "" {
		t.Errorf("applying the example (-want +got):\n%s", diff)
	}
	if row, err := h.tree.Tenant(ctx, h.boss, "ws_us_dev"); err != nil || row.Status != oauth.StatusInactive {
		t.Errorf("a declaration without a status activated %+v, %v", row, err)
	}

	page, err := h.registrar.List(ctx, h.boss, admin.ClientFilter{Search: "Shipper"}, admin.PageRequest{})
	if err != nil || len(page.Rows) != 1 {
		t.Fatalf("there are %d, %v", len(page.Rows), err)
	}
	shipper := page.Rows[0]
	if shipper.Status != oauth.StatusInactive || len(shipper.Secrets) != 0 || shipper.Owner != "ships@example.com" || len(shipper.Grants) != 2 {
		t.Errorf("the new credential is %+v", shipper)
	}
	if _, err := h.registrar.Activate(ctx, h.boss, shipper.ID); !errors.Is(err, admin.ErrNoUsableSecret) {
		t.Errorf("activating it without a secret answered %v", err)
	}

	// Once it has a secret, applying once more lets it out.
	secret, _ := oauth.NewSecret(now(), "test")
	err = h.db.UpdateClient(ctx, shipper.ID, func(client *oauth.Client) (*admin.Event, error) {
		client.Secrets = []oauth.Secret{secret}
		return &admin.Event{ID: oauth.NewID("evt"), At: now()}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	last, err := h.applier.Apply(ctx, h.boss, declared, admin.ApplyOptions{})
	if diff := cmp.Diff([]string{"changed tenant ws_eu_prod", "changed credential"}, steps(last)); err != nil || diff != "" {
		t.Errorf("applying with a secret: %v (-want +got):\n%s", err, diff)
	}
	if client, err := h.registrar.Client(ctx, h.boss, shipper.ID); err != nil || client.Status != oauth.StatusActive {
		t.Errorf("it is %+v, %v", client, err)
	}
}

// TestApplyIsAllOrNothing: everything that is wrong is said at once, and nothing is done.
func TestApplyIsAllOrNothing(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	before, err := h.trail.Events(ctx, h.boss, admin.EventFilter{}, admin.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.applier.Apply(ctx, h.boss, parse(t, `
tenants:
  - {id: acc_good, level: account, name: Good, parent_id: org_example}
  - {id: ws_bad, level: workspace, name: Bad, parent_id: acc_later}
  - {id: acc_twin, level: account, name: Good, parent_id: org_example}
  - {id: acc_eu, level: account, name: Europe, parent_id: org_other}
  - {id: acc_good, level: account, name: Good, parent_id: org_example}
apis:
  - {key: bad}
  - {key: latchkey, name: Mine}
credentials:
  - {name: New}
  - name: Other
    grants: [{api: platform, permissions: [user], applies_to: {accounts: [acc_good, acc_later]}}]
`), admin.ApplyOptions{})
	want := []string{
		"/apis/0/audience required", "/apis/0/choice unknown", "/apis/0/level unknown", "/apis/0/name invalid",
		"/apis/0/permissions required", "/apis/0/token_lifetime out_of_range", "/apis/1/key reserved",
		"/credentials/0/grants required", "/credentials/1/grants/0/applies_to/accounts/1 unknown",
		"/tenants/1/parent_id unknown", "/tenants/2/name taken", "/tenants/3/parent_id immutable", "/tenants/4/id repeated",
	}
	if diff := cmp.Diff(want, pointers(t, err)); diff != "" {
		t.Errorf("field errors (-want +got):\n%s", diff)
	}
	after, err := h.trail.Events(ctx, h.boss, admin.EventFilter{}, admin.PageRequest{})
	if err != nil || len(after.Rows) != len(before.Rows) {
		t.Errorf("a refused declaration left %d events, %v", len(after.Rows)-len(before.Rows), err)
	}
	if _, err := h.tree.Tenant(ctx, h.boss, "acc_good"); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("a part of it was done: %v", err)
	}
	many := admin.Declaration{Tenants: make([]admin.DeclaredTenant, 501)}
	_, err = h.applier.Apply(ctx, h.boss, many, admin.ApplyOptions{})
	if diff := cmp.Diff([]string{" too_many"}, pointers(t, err)); diff != "" {
		t.Errorf("too many (-want +got):\n%s", diff)
	}
}

func TestApplyTakesFromCredentialsOnlyByForce(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.putAPI(t, orders(), false)
	h.holder(t, "writer", "write")
	less := orders()
	less.Permissions = less.Permissions[:1]
	declared := admin.Declaration{
		Tenants: []admin.DeclaredTenant{{ID: "acc_new", Level: oauth.LevelAccount, Name: "New", ParentID: "org_example"}},
		APIs:    []admin.DeclaredAPI{less},
	}
	var inUse *admin.InUseError
	if _, err := h.applier.Apply(ctx, h.boss, declared, admin.ApplyOptions{}); !errors.As(err, &inUse) || inUse.Credentials[0].Name != "writer" {
		t.Errorf("unforced it answered %v", err)
	}
	if _, err := h.tree.Tenant(ctx, h.boss, "acc_new"); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("a part of it was done: %v", err)
	}
	applied, err := h.applier.Apply(ctx, h.boss, declared, admin.ApplyOptions{Force: true})
	if err != nil || len(applied.Lost) != 1 || !applied.Lost[0].Deactivated {
		t.Errorf("forced it answered %+v, %v", applied, err)
	}
}

func TestWhoMayApply(t *testing.T) {
	h := newHouse(t)
	local := h.boss
	local.Org = "org_example"
	actor := func(permissions ...string) admin.Actor {
		return admin.Actor{Kind: admin.ActorClient, ID: "cid_actor", Permissions: permissions}
	}
	tenants := admin.Declaration{Tenants: []admin.DeclaredTenant{{ID: "acc_new", Level: oauth.LevelAccount, Name: "New", ParentID: "org_example"}}}
	apis := admin.Declaration{APIs: []admin.DeclaredAPI{orders()}}
	credentials := admin.Declaration{Credentials: []admin.DeclaredCredential{{Name: "New", Grants: said([]oauth.Grant{{
		API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}},
	}})}}}
	for name, test := range map[string]struct {
		actor    admin.Actor
		declared admin.Declaration
		allowed  bool
	}{
		"tenants in the own org":  {local, tenants, true},
		"the own org as it is":    {local, admin.Declaration{Tenants: []admin.DeclaredTenant{{ID: "org_example", Level: oauth.LevelOrg, Name: "Example"}}}, true},
		"the own org renamed":     {local, admin.Declaration{Tenants: []admin.DeclaredTenant{{ID: "org_example", Level: oauth.LevelOrg, Name: "Mine"}}}, false},
		"credentials in it":       {local, credentials, true},
		"APIs by one of an org":   {local, apis, false},
		"tenants, no right":       {actor(admin.CredentialsWrite), tenants, false},
		"credentials, no right":   {actor(admin.CatalogWrite), credentials, false},
		"credentials, with right": {actor(admin.CredentialsWrite), credentials, true},
		"APIs, with right":        {actor(admin.CatalogWrite), apis, true},
	} {
		_, err := h.applier.Apply(t.Context(), test.actor, test.declared, admin.ApplyOptions{DryRun: true})
		var forbidden *admin.ForbiddenError
		if errors.As(err, &forbidden) == test.allowed || test.allowed && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger := local
	stranger.Org = "org_other"
	_, err := h.applier.Apply(t.Context(), stranger, admin.Declaration{Tenants: []admin.DeclaredTenant{{
		ID: "acc_eu", Level: oauth.LevelAccount, Name: "Mine", ParentID: "org_example",
	}}}, admin.ApplyOptions{})
	if diff := cmp.Diff([]string{"/tenants/0/id unknown"}, pointers(t, err)); diff != "" {
		t.Errorf("another org's account (-want +got):\n%s", diff)
	}
}
