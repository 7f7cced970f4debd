package oauth

import (
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

func testCatalog(closed ...string) *Catalog {
	return NewCatalog([]API{
		{Key: "profile", Audience: "https://a.example", Level: LevelWorkspace, Status: StatusActive,
			Permissions: []Permission{{Key: "read"}}, TokenLifetime: 30 * time.Minute},
		{Key: "events", Audience: "https://a.example", Level: LevelWorkspace, Status: StatusActive,
			Permissions: []Permission{{Key: "read"}, {Key: "write"}}, TokenLifetime: 10 * time.Minute},
		{Key: "billing", Audience: "https://b.example", Level: LevelOrg, Status: StatusActive,
			Permissions: []Permission{{Key: "admin"}}, TokenLifetime: time.Hour},
		{Key: "gone", Audience: "https://c.example", Level: LevelOrg, Status: StatusInactive,
			Permissions: []Permission{{Key: "all"}}},
	}, closed)
}

func testClient() *Client {
	return &Client{ID: "cid_a", OrgID: "org_a", Grants: []Grant{
		{API: "profile", Permissions: []string{"read"}, AppliesTo: Places{Workspaces: []string{"ws_1", "ws_2"}}},
		{API: "events", Permissions: []string{"read", "write"}, AppliesTo: Places{AllWorkspacesOf: []string{"acc_1"}}},
		{API: "billing", Permissions: []string{"admin"}, AppliesTo: Places{Org: true}},
		{API: "gone", Permissions: []string{"all"}, AppliesTo: Places{Org: true}},
		{API: "never", Permissions: []string{"was"}, AppliesTo: Places{Org: true}},
	}}
}

func TestGrant(t *testing.T) {
	const a, b, c = "https://a.example", "https://b.example", "https://c.example"
	for name, test := range map[string]struct {
		asked  Request
		closed []string
		life   time.Duration
		want   Granted
		code   Code
	}{
		"everything": {want: Granted{
			Scope: Scope{"profile:read", "events:read", "events:write", "billing:admin"}, Audience: []string{a, b}, Lifetime: 10 * time.Minute,
			Details: []bearer.AuthorizationDetail{
				{Type: "profile", Actions: []string{"read"}, Places: Places{Workspaces: []string{"ws_1", "ws_2"}}},
				{Type: "events", Actions: []string{"read", "write"}, Places: Places{AllWorkspacesOf: []string{"acc_1"}}},
				{Type: "billing", Actions: []string{"admin"}, Places: Places{Org: true}},
			}}},
		"one scope": {asked: Request{Scope: Scope{"events:write"}}, want: Granted{
			Scope: Scope{"events:write"}, Audience: []string{a}, Lifetime: 10 * time.Minute,
			Details: []bearer.AuthorizationDetail{{Type: "events", Actions: []string{"write"}, Places: Places{AllWorkspacesOf: []string{"acc_1"}}}}}},
		"one audience": {asked: Request{Resources: []string{b}}, want: Granted{
			Scope: Scope{"billing:admin"}, Audience: []string{b}, Lifetime: time.Hour,
			Details: []bearer.AuthorizationDetail{{Type: "billing", Actions: []string{"admin"}, Places: Places{Org: true}}}}},
		"the client's own lifetime": {asked: Request{Scope: Scope{"billing:admin"}}, life: time.Minute, want: Granted{
			Scope: Scope{"billing:admin"}, Audience: []string{b}, Lifetime: time.Minute,
			Details: []bearer.AuthorizationDetail{{Type: "billing", Actions: []string{"admin"}, Places: Places{Org: true}}}}},
		"a closed workspace": {asked: Request{Scope: Scope{"profile:read"}}, closed: []string{"ws_1"}, want: Granted{
			Scope: Scope{"profile:read"}, Audience: []string{a}, Lifetime: 30 * time.Minute,
			Details: []bearer.AuthorizationDetail{{Type: "profile", Actions: []string{"read"}, Places: Places{Workspaces: []string{"ws_2"}}}}}},
		"all its workspaces closed":   {asked: Request{Scope: Scope{"profile:read"}}, closed: []string{"ws_1", "ws_2"}, code: InvalidScope},
		"more than granted":           {asked: Request{Scope: Scope{"profile:read", "profile:write"}}, code: InvalidScope},
		"an inactive API":             {asked: Request{Scope: Scope{"gone:all"}}, code: InvalidScope},
		"an inactive API's audience":  {asked: Request{Resources: []string{c}}, code: InvalidTarget},
		"an API that is not there":    {asked: Request{Scope: Scope{"never:was"}}, code: InvalidScope},
		"an unknown audience":         {asked: Request{Resources: []string{a, "https://x.example"}}, code: InvalidTarget},
		"a scope of another audience": {asked: Request{Scope: Scope{"billing:admin"}, Resources: []string{a}}, code: InvalidScope},
		"an audience without its scopes": {asked: Request{Scope: Scope{"billing:admin"}, Resources: []string{a, b}}, want: Granted{
			Scope: Scope{"billing:admin"}, Audience: []string{a, b}, Lifetime: time.Hour,
			Details: []bearer.AuthorizationDetail{{Type: "billing", Actions: []string{"admin"}, Places: Places{Org: true}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			client := testClient()
			client.TokenLifetime = test.life
			granted, err := testCatalog(test.closed...).Grant(client, test.asked)
			var refusal *Error
			if test.code != "" {
				if !errors.As(err, &refusal) || refusal.Code != test.code {
					t.Fatalf("granted %+v, %v; want %s", granted, err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, granted); diff != "" {
				t.Errorf("granted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(testClient().Grants, client.Grants); diff != "" {
				t.Errorf("the client was changed:\n%s", diff)
			}
		})
	}
}

// TestGrantAlgorithm: a token is signed as its APIs ask, and one token cannot be signed in two ways.
func TestGrantAlgorithm(t *testing.T) {
	catalog := testCatalog()
	catalog.API("profile").SigningAlg = jose.EdDSA
	catalog.API("billing").SigningAlg = jose.RS256
	for name, test := range map[string]struct {
		scope Scope
		want  jose.SignatureAlgorithm
		code  Code
	}{
		"one that says nothing": {Scope{"events:read"}, "", ""},
		"one that says":         {Scope{"profile:read"}, jose.EdDSA, ""},
		"both":                  {Scope{"events:read", "billing:admin"}, jose.RS256, ""},
		"two that differ":       {Scope{"profile:read", "billing:admin"}, "", InvalidTarget},
	} {
		granted, err := catalog.Grant(testClient(), Request{Scope: test.scope})
		var refusal *Error
		if errors.As(err, &refusal); test.code != "" && (refusal == nil || refusal.Code != test.code) {
			t.Errorf("%s: %v; want %s", name, err, test.code)
		}
		if test.code == "" && (err != nil || granted.Algorithm != test.want) {
			t.Errorf("%s: %q, %v; want %q", name, granted.Algorithm, err, test.want)
		}
	}
}

func TestGrantNothing(t *testing.T) {
	_, err := testCatalog().Grant(&Client{}, Request{})
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Code != InvalidScope {
		t.Errorf("a client without grants got %v", err)
	}
}
