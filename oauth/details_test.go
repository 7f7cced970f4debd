package oauth

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

func TestParseDetails(t *testing.T) {
	const good = `"type":"profile","actions":["read"]`
	for name, test := range map[string]struct{ text, told string }{
		"no JSON":              {`profile`, "authorization_details is not a JSON array of objects"},
		"no array":             {`{` + good + `}`, "authorization_details is not a JSON array of objects"},
		"no object":            {`["profile"]`, "authorization_details is not a JSON array of objects"},
		"a member twice":       {`[{"type":"a",` + good + `}]`, "authorization_details is not a JSON array of objects"},
		"something after it":   {`[{` + good + `,"org":true}]]`, "authorization_details is not a JSON array of objects"},
		"nothing":              {`[]`, "authorization_details asks for nothing"},
		"null":                 {`null`, "authorization_details asks for nothing"},
		"a null object":        {`[null]`, "authorization_details[0].type is missing"},
		"too many":             {`[` + strings.Repeat(`{},`, 50) + `{}]`, "authorization_details has too many elements"},
		"no type":              {`[{"actions":["read"],"org":true}]`, "authorization_details[0].type is missing"},
		"a number for a type":  {`[{"type":1}]`, "authorization_details[0].type must be the key of an API"},
		"an empty type":        {`[{"type":""}]`, "authorization_details[0].type must be the key of an API"},
		"no actions":           {`[{"type":"profile","org":true}]`, "authorization_details[0].actions is missing"},
		"empty actions":        {`[{"type":"profile","actions":[]}]`, "authorization_details[0].actions must be an array of at least one string"},
		"an action twice":      {`[{"type":"profile","actions":["a","a"]}]`, "authorization_details[0].actions names something twice"},
		"no places":            {`[{` + good + `}]`, "authorization_details[0] does not say where: accounts, workspaces, all_workspaces_of or org is missing"},
		"two levels":           {`[{` + good + `,"org":true,"accounts":["a"]}]`, "authorization_details[0] names places of more than one level"},
		"org is false":         {`[{` + good + `,"org":false}]`, "authorization_details[0].org must be true or left out"},
		"a place that is none": {`[{` + good + `,"workspaces":["a b"]}]`, "authorization_details[0].workspaces has an element that is no name"},
		"too long a place":     {`[{` + good + `,"workspaces":["` + strings.Repeat("a", 256) + `"]}]`, "authorization_details[0].workspaces has an element that is no name"},
		"an unknown member":    {`[{` + good + `,"locations":["a"]}]`, "authorization_details[0].locations is unknown"},
		"an unspeakable one":   {`[{` + good + `,"\"é\\":1}]`, "a member of authorization_details[0] is unknown"},
		"the case of a member": {`[{` + good + `,"Org":true}]`, "authorization_details[0].Org is unknown"},
		"a type twice":         {`[{` + good + `,"org":true},{` + good + `,"org":true}]`, "authorization_details[1].type stands twice: put its actions and places together"},
	} {
		t.Run(name, func(t *testing.T) {
			details, err := ParseDetails(test.text)
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Code != InvalidAuthorizationDetails || refusal.Description != test.told {
				t.Errorf("read %+v, %+v; want %q", details, err, test.told)
			}
		})
	}
	want := []Detail{
		{Type: "profile", Actions: []string{"read"}, Places: Places{Workspaces: []string{"w"}, AllWorkspacesOf: []string{"a"}}},
		{Type: "billing", Actions: []string{"admin"}, Places: Places{Org: true}},
	}
	details, err := ParseDetails(`[{` + good + `, "workspaces":["w"],"all_workspaces_of":["a"]},{"type":"billing","actions":["admin"],"org":true}]`)
	if diff := cmp.Diff(want, details); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// FuzzParseDetails: what is read prints as what reads the same, and a refusal speaks in the characters of RFC 6749 §5.2.
func FuzzParseDetails(f *testing.F) {
	f.Add(`[{"type":"profile","actions":["read"],"workspaces":["ws_1"]}]`)
	f.Add(`[{"type":"billing","actions":["admin"],"org":true},{"type":"x","actions":["a","b"],"all_workspaces_of":["acc"]}]`)
	f.Add(`[{"type":"a","\u0000":1}]`)
	f.Fuzz(func(t *testing.T, text string) {
		details, err := ParseDetails(text)
		if err != nil {
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Code != InvalidAuthorizationDetails {
				t.Fatalf("refused with %v", err)
			}
			for _, word := range strings.Split(refusal.Description, " ") {
				if !validScopeToken(word) {
					t.Fatalf("the description %q has other characters", refusal.Description)
				}
			}
			return
		}
		if text == "" {
			return
		}
		printed, err := json.Marshal(details)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseDetails(string(printed))
		if diff := cmp.Diff(details, again); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", printed, err, diff)
		}
	})
}

func TestIssueDetails(t *testing.T) {
	const a, b = "https://a.example", "https://b.example"
	profile := func(workspaces ...string) Detail {
		return Detail{Type: "profile", Actions: []string{"read"}, Places: Places{Workspaces: workspaces}}
	}
	events := func(places Places, actions ...string) Detail {
		return Detail{Type: "events", Actions: actions, Places: places}
	}
	of := func(id string) Places { return Places{AllWorkspacesOf: []string{id}} }
	in := func(ids ...string) Places { return Places{Workspaces: ids} }
	list := func(details ...Detail) []Detail { return details }
	billing := Detail{Type: "billing", Actions: []string{"admin"}, Places: Places{Org: true}}

	for name, test := range map[string]struct {
		asked  Request
		closed []string
		scope  string
		want   []Detail // Nil for what was asked.
		told   string   // Empty if it is granted.
		reason Reason
	}{
		"one of two workspaces":      {asked: Request{Details: list(profile("ws_2"))}, scope: "profile:read"},
		"one workspace of all":       {asked: Request{Details: list(events(in("ws_10"), "read"))}, scope: "events:read"},
		"all of an account":          {asked: Request{Details: list(events(of("acc_1"), "read", "write"))}, scope: "events:read events:write"},
		"the org":                    {asked: Request{Details: list(billing)}, scope: "billing:admin"},
		"with its resource":          {asked: Request{Details: list(profile("ws_1")), Resources: []string{a}}, scope: "profile:read"},
		"with its scope":             {asked: Request{Scope: Scope{"profile:read"}, Details: list(profile("ws_1"))}, scope: "profile:read"},
		"with more scope":            {asked: Request{Scope: Scope{"billing:admin", "profile:read"}, Details: list(profile("ws_1"))}, scope: "profile:read billing:admin", want: list(profile("ws_1"), billing)},
		"beside what is closed":      {asked: Request{Details: list(profile("ws_2"))}, closed: []string{"ws_1"}, scope: "profile:read"},
		"a workspace not held":       {asked: Request{Details: list(profile("ws_1", "ws_3"))}, told: "[0].workspaces exceeds what is granted", reason: ReasonNotGranted},
		"a closed workspace":         {asked: Request{Details: list(profile("ws_1"))}, closed: []string{"ws_1"}, told: "[0].workspaces exceeds what is granted", reason: ReasonInactivePlaces},
		"a closed workspace of all":  {asked: Request{Details: list(events(in("ws_10"), "read"))}, closed: []string{"ws_10"}, told: "[0].workspaces exceeds what is granted", reason: ReasonInactivePlaces},
		"a workspace of another":     {asked: Request{Details: list(events(in("ws_10", "ws_20"), "read"))}, told: "[0].workspaces exceeds what is granted", reason: ReasonNotGranted},
		"a workspace that is none":   {asked: Request{Details: list(events(in("ws_99"), "read"))}, told: "[0].workspaces exceeds what is granted", reason: ReasonNotGranted},
		"another account":            {asked: Request{Details: list(events(of("acc_2"), "read"))}, told: "[0].all_workspaces_of exceeds what is granted", reason: ReasonNotGranted},
		"the account of workspaces":  {asked: Request{Details: list(Detail{Type: "events", Actions: []string{"read"}, Places: Places{Accounts: []string{"acc_1"}}})}, told: "[0].accounts exceeds what is granted", reason: ReasonNotGranted},
		"an account of the org":      {asked: Request{Details: list(Detail{Type: "billing", Actions: []string{"admin"}, Places: Places{Accounts: []string{"acc_1"}}})}, told: "[0].accounts exceeds what is granted", reason: ReasonNotGranted},
		"the org of workspaces":      {asked: Request{Details: list(events(Places{Org: true}, "read"))}, told: "[0].org exceeds what is granted", reason: ReasonNotGranted},
		"the installation":           {asked: Request{Details: list(events(Places{Installation: true}, "read"))}, told: "[0].installation exceeds what is granted", reason: ReasonNotGranted},
		"an action not held":         {asked: Request{Details: list(billing, events(of("acc_1"), "read", "admin"))}, told: "[1].actions exceeds what is granted", reason: ReasonNotGranted},
		"a type nobody knows":        {asked: Request{Details: list(Detail{Type: "x", Actions: []string{"y"}, Places: Places{Org: true}})}, told: "[0].type exceeds what is granted", reason: ReasonNotGranted},
		"an inactive API":            {asked: Request{Details: list(Detail{Type: "gone", Actions: []string{"all"}, Places: Places{Org: true}})}, told: "[0].type exceeds what is granted", reason: ReasonInactiveAPI},
		"at another resource":        {asked: Request{Details: list(profile("ws_1")), Resources: []string{b}}, told: "[0].type exceeds what is granted", reason: ReasonOtherResource},
		"an action beside the scope": {asked: Request{Scope: Scope{"events:read"}, Details: list(events(of("acc_1"), "read", "write"))}, told: "[0].actions names a permission that the scope leaves out"},
		"a type beside the scope":    {asked: Request{Scope: Scope{"events:read"}, Details: list(profile("ws_1"))}, told: "[0].actions names a permission that the scope leaves out"},
		"a scope beside the actions": {asked: Request{Scope: Scope{"events:read", "events:write"}, Details: list(events(of("acc_1"), "read"))}, told: " leaves out a permission of the scope"},
	} {
		t.Run(name, func(t *testing.T) {
			client := testClient()
			client.Status = StatusActive
			issuer, _ := testIssuer(t, client, test.closed...)
			token, err := issuer.Issue(t.Context(), Caller{Client: client}, test.asked)
			if test.told != "" {
				var refusal *Error
				if !errors.As(err, &refusal) || refusal.Code != InvalidAuthorizationDetails ||
					refusal.Description != "authorization_details"+test.told || refusal.Reason != test.reason {
					t.Errorf("got %+v, %+v; want %q (%s)", token.Details, err, test.told, test.reason)
				}
				return
			}
			if test.want == nil {
				test.want = test.asked.Details
			}
			if diff := cmp.Diff(test.want, token.Details); diff != "" || err != nil || token.Scope.String() != test.scope {
				t.Errorf("%q, %v (-want +got):\n%s", token.Scope, err, diff)
			}
			if diff := cmp.Diff(test.want, claimsOf(t, issuer, token).AuthorizationDetails); diff != "" {
				t.Errorf("the token says (-want +got):\n%s", diff)
			}
		})
	}

	client := testClient()
	issuer, _ := testIssuer(t, client)
	if token, err := issuer.Issue(t.Context(), Caller{Client: client}, Request{}); err != nil || token.Details != nil {
		t.Errorf("details were answered that nobody asked for: %+v, %v", token.Details, err)
	}
}

// TestVerifyDetails: a token that asked for less than its client holds is never read as one for all of it.
func TestVerifyDetails(t *testing.T) {
	client := testClient()
	client.Status = StatusActive
	issuer, _ := testIssuer(t, client)
	asked := []Detail{
		{Type: "profile", Actions: []string{"read"}, Places: Places{Workspaces: []string{"ws_2"}}},
		{Type: "events", Actions: []string{"read"}, Places: Places{Workspaces: []string{"ws_10", "ws_11"}}},
	}
	token, err := issuer.Issue(t.Context(), Caller{Client: client}, Request{Details: asked})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asked, claimsOf(t, issuer, token).AuthorizationDetails); diff != "" {
		t.Errorf("it is read as (-want +got):\n%s", diff)
	}
	issuer.store.(*fixedStore).catalog = testCatalog("ws_10")
	asked[1].Workspaces = []string{"ws_11"}
	if diff := cmp.Diff(asked, claimsOf(t, issuer, token).AuthorizationDetails); diff != "" {
		t.Errorf("after a workspace was closed it is read as (-want +got):\n%s", diff)
	}
	client.Grants[0].AppliesTo.Workspaces = []string{"ws_1"}
	if claims, err := issuer.Verify(t.Context(), bearer.Presented{Token: token.Access}, "https://a.example"); !errors.Is(err, bearer.ErrInvalidToken) {
		t.Errorf("with none of its workspaces left it is read as %+v, %v", claims, err)
	}
}

func claimsOf(t *testing.T, issuer *Issuer, token Token) *bearer.Claims {
	t.Helper()
	audience := "https://a.example"
	if token.Scope.String() == "billing:admin" {
		audience = "https://b.example"
	}
	claims, err := issuer.Verify(t.Context(), bearer.Presented{Token: token.Access}, audience)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestDetailsNeverExceed: whatever is asked for, what is granted is held, and who asks for exactly what it got gets the
// same again.
func TestDetailsNeverExceed(t *testing.T) {
	random := rand.New(rand.NewPCG(9396, uint64(time.Now().UnixNano())))
	some := func(of ...string) []string {
		random.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		return of[:random.IntN(len(of)+1)]
	}
	granted := 0
	for range 20_000 {
		client := testClient()
		closed := some("ws_1", "ws_2", "ws_10", "acc_1")
		issuer, _ := issuerFor(t, client, closed)
		var asked Request
		for _, api := range some("profile", "events", "billing") {
			actions := some("read", "write", "admin")
			places := Places{}
			switch random.IntN(3) {
			case 0:
				places.Workspaces = some("ws_1", "ws_2", "ws_3", "ws_10", "ws_11", "ws_20")
			case 1:
				places.AllWorkspacesOf = some("acc_1", "acc_2")
			default:
				places.Org = true
			}
			asked.Details = append(asked.Details, Detail{Type: api, Actions: actions, Places: places})
		}
		text, _ := json.Marshal(asked.Details)
		details, err := ParseDetails(string(text))
		if err != nil || len(details) == 0 {
			continue // An empty list is no request.
		}
		got, err := issuer.grant(t.Context(), client, asked)
		if err != nil {
			continue
		}
		granted++
		all, err := issuer.grant(t.Context(), client, Request{})
		if err != nil {
			t.Fatal(err)
		}
		for _, detail := range got.Details {
			at := slices.IndexFunc(all.Details, func(d Detail) bool { return d.Type == detail.Type })
			if at < 0 || len(within(detail.Actions, all.Details[at].Actions)) != len(detail.Actions) {
				t.Fatalf("asked %s, got %+v of %+v", text, got.Details, all.Details)
			}
			held := bearer.Claims{OrgID: client.OrgID, Scope: all.Scope.String(), AuthorizationDetails: all.Details}
			for _, id := range detail.Workspaces {
				account := map[string]string{"ws_10": "acc_1", "ws_11": "acc_1", "ws_20": "acc_2"}[id]
				place := bearer.Place{Workspace: id, WorkspaceAccount: account}
				if !held.AllowsIn(detail.Type+":"+detail.Actions[0], place) || slices.Contains(closed, id) {
					t.Fatalf("asked %s, got %q beside %+v", text, id, all.Details)
				}
			}
		}
		again, err := issuer.grant(t.Context(), client, Request{Details: got.Details})
		if diff := cmp.Diff(got, again); diff != "" || err != nil {
			t.Fatalf("asked for what it got: %v\n%s", err, diff)
		}
	}
	if granted < 20 {
		t.Errorf("only %d requests were granted", granted)
	}
}

// issuerFor makes an Issuer that grants but does not sign.
func issuerFor(t *testing.T, client *Client, closed []string) (*Issuer, *fixedStore) {
	t.Helper()
	store := &fixedStore{clients: map[string]*Client{client.ID: client}, catalog: testCatalog(closed...)}
	return &Issuer{store: store, maxLifetime: time.Hour}, store
}
