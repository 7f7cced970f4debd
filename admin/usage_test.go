package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func TestUsageAndPreviewAreForThoseWhoMayRead(t *testing.T) {
	h := newHouse(t)
	client := h.register(t, profileReader("worker"))
	nobody := admin.Actor{Kind: admin.ActorClient, ID: "cid_nobody"}
	stranger := h.boss
	stranger.Org = "org_other"
	for name, ask := range map[string]func(admin.Actor) error{
		"usage": func(a admin.Actor) error { _, err := h.registrar.Usage(t.Context(), a, client.ID, 14); return err },
		"preview": func(a admin.Actor) error {
			_, err := h.registrar.Preview(t.Context(), a, client.ID, admin.PreviewRequest{})
			return err
		},
	} {
		var forbidden *admin.ForbiddenError
		if err := ask(nobody); !errors.As(err, &forbidden) {
			t.Errorf("%s without a right answered %v", name, err)
		}
		if err := ask(stranger); !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("%s from another org answered %v", name, err)
		}
		if err := ask(h.boss); err != nil {
			t.Errorf("%s answered %v", name, err)
		}
	}
	for _, days := range []int{0, -1, admin.KeptDays + 1} {
		var fields admin.FieldErrors
		if _, err := h.registrar.Usage(t.Context(), h.boss, client.ID, days); !errors.As(err, &fields) || fields[0].Pointer != "days" {
			t.Errorf("%d days answered %v", days, err)
		}
	}
}

func TestUsageSaysWhichPermissionsAreNotNeeded(t *testing.T) {
	h := newHouse(t)
	new := profileReader("worker")
	*new.Grants = append(*new.Grants,
		oauth.Grant{API: "data-plans", Permissions: []string{"read", "write"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}}},
		oauth.Grant{API: "platform", Permissions: []string{"user"}, AppliesTo: oauth.Places{Accounts: []string{"acc_eu"}}})
	client := h.register(t, new)
	ago := func(days int) time.Time { return now().Add(-time.Duration(days) * 24 * time.Hour) }
	err := h.db.AddUsage(t.Context(), &oauth.Usage{ID: "use_one", Permissions: []oauth.PermissionUse{
		{ClientID: client.ID, Scope: "profile:read", AskedAt: ago(2), IncludedAt: ago(1)},
		{ClientID: client.ID, Scope: "data-plans:read", AskedAt: ago(30), IncludedAt: ago(3)},
		{ClientID: client.ID, Scope: "data-plans:write", AskedAt: ago(30)},
		{ClientID: client.ID, Scope: "gone:all", AskedAt: ago(1)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]map[string]admin.PermissionNeed{
		7:  {"profile:read": admin.PermissionAsked, "data-plans:read": admin.PermissionIncluded, "data-plans:write": admin.PermissionUnused, "platform:user": admin.PermissionUnused},
		60: {"profile:read": admin.PermissionAsked, "data-plans:read": admin.PermissionAsked, "data-plans:write": admin.PermissionAsked, "platform:user": admin.PermissionUnused},
	} {
		report, err := h.registrar.Usage(t.Context(), h.boss, client.ID, days)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]admin.PermissionNeed)
		for _, permission := range report.Permissions {
			got[permission.API+":"+permission.Permission] = permission.Need
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in %d days (-want +got):\n%s", days, diff)
		}
	}
}

func TestPreviewRefusesWhatDoesNotExist(t *testing.T) {
	h := newHouse(t)
	client := h.register(t, profileReader("worker"))
	for _, test := range []struct {
		request admin.PreviewRequest
		want    []string
	}{
		{admin.PreviewRequest{Scope: "profile:none none:read nonsense profile:read"}, []string{"/scope unknown", "/scope unknown", "/scope unknown"}},
		{admin.PreviewRequest{Scope: "a  b"}, []string{"/scope invalid"}},
		{admin.PreviewRequest{Scope: strings.Repeat("a", 3000)}, []string{"/scope too_long"}},
		{admin.PreviewRequest{Resources: []string{"https://api.example.com", "urn:none"}}, []string{"/resource/1 unknown"}},
		{admin.PreviewRequest{Resources: slices.Repeat([]string{"urn:none"}, 21)}, []string{"/resource too_many"}},
		{admin.PreviewRequest{From: "nowhere", Scope: "x"}, []string{"/scope unknown", "/from invalid"}},
	} {
		_, err := h.registrar.Preview(t.Context(), h.boss, client.ID, test.request)
		var fields admin.FieldErrors
		errors.As(err, &fields)
		var got []string
		for _, field := range fields {
			got = append(got, field.Pointer+" "+field.Code)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%.60v answered %q, want %q", test.request, got, test.want)
		}
	}
}

func TestListByPlace(t *testing.T) {
	h := newHouse(t)
	for name, grant := range map[string]oauth.Grant{
		"account":   {API: "platform", Permissions: []string{"user"}, AppliesTo: oauth.Places{Accounts: []string{"acc_eu"}}},
		"workspace": {API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}}},
		"all of it": {API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{AllWorkspacesOf: []string{"acc_eu"}}},
		"other":     {API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_us_prod"}}},
		"org":       {API: "custom-roles", Permissions: []string{"admin"}, AppliesTo: oauth.Places{Org: true}},
	} {
		h.register(t, admin.NewClient{ClientChange: admin.ClientChange{Name: said(name), Grants: said([]oauth.Grant{grant})}})
	}
	stranger := h.boss
	stranger.Org = "org_other"
	for _, test := range []struct {
		actor admin.Actor
		where string
		want  string
	}{
		{h.boss, "ws_eu_prod", "account, all of it, org, workspace"},
		{h.boss, "ws_eu_staging", "account, all of it, org"},
		{h.boss, "acc_eu", "account, all of it, org, workspace"},
		{h.boss, "acc_us", "org, other"},
		{h.boss, "org_example", "First management credential, account, all of it, org, other, workspace"},
		{h.boss, "ws_none", ""},
		{stranger, "ws_eu_prod", ""},
	} {
		page, err := h.registrar.List(t.Context(), test.actor, admin.ClientFilter{Where: test.where}, admin.PageRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, row := range page.Rows {
			names = append(names, row.Name)
		}
		if got := strings.Join(names, ", "); got != test.want {
			t.Errorf("at %s are %q, want %q", test.where, got, test.want)
		}
	}
}

// TestListWhileRowsComeAndGo reads a list page by page, while every page that is read loses a row and clients are
// made before and behind it: none that was there all the time is missed or told twice, and no cursor is refused.
func TestListWhileRowsComeAndGo(t *testing.T) {
	h := newHouse(t)
	stay := make(map[string]int)
	var leave []*oauth.Client
	for i := range 30 {
		client := h.register(t, profileReader(fmt.Sprintf("m%02d", i)))
		if i%3 == 0 {
			leave = append(leave, client)
			continue
		}
		stay[client.ID] = 0
	}
	for _, sort := range []admin.ClientSort{admin.ByName, admin.ByNameDown, admin.ByCreated, admin.ByCreatedDown} {
		seen, cursor := make(map[string]int), ""
		for round := 0; ; round++ {
			page, err := h.registrar.List(t.Context(), h.boss, admin.ClientFilter{Search: "m", Status: oauth.StatusActive, Sort: sort},
				admin.PageRequest{Limit: 4, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				seen[row.ID]++
			}
			if cursor = page.Next; cursor == "" {
				break
			}
			if len(leave) > 0 {
				if err := h.registrar.Remove(t.Context(), h.boss, leave[0].ID, nil); err != nil {
					t.Fatal(err)
				}
				leave = leave[1:]
			}
			for _, place := range []string{"a", "z"} {
				h.register(t, profileReader(fmt.Sprintf("%s m %s %d", place, sort, round)))
			}
			if round > 60 {
				t.Fatal("the list does not end")
			}
		}
		for id := range stay {
			if seen[id] != 1 {
				t.Errorf("by %s, %s was answered %d times", sort, id, seen[id])
			}
		}
	}
}
