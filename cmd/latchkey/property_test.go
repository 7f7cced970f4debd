package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// TestWhoGetsWhat lets an administrator do whatever comes, in any order, and compares after each act what every secret
// that was ever shown is worth, what the preview says, and which tokens a resource server still takes that reads the
// status lists, with a model of the domain that is a page long.
func TestWhoGetsWhat(t *testing.T) {
	const walks, acts, credentials = 4, 40, 3
	onBothDatabases(t, func(t *testing.T, p *program, _ *lever) {
		manager := newManager(t, p.identity)
		for n := range walks {
			seed := rand.Uint64()
			w := newWorld(t, p, manager, fmt.Sprint("w", n), rand.New(rand.NewPCG(seed, 0)))
			for range credentials {
				w.create(t)
			}
			for range acts {
				w.act(t)
				w.compare(t)
				if t.Failed() {
					t.Fatalf("walk %d has seed %d; what was done:\n%s", n, seed, strings.Join(w.done, "\n"))
				}
			}
		}
	})
}

// world is a tree and two APIs of its own, as they should be.
type world struct {
	program *program
	manager *manager
	lever   *lever
	random  *rand.Rand
	name    string
	done    []string

	workspaces map[string]string   // What each workspace's account is.
	apis       map[string][]string // The permissions of each API.
	off        map[string]bool     // Tenants and APIs.
	held       []*held
	touched    *held // What the last act was done to; nil if it may have been several.
}

// held is a credential, as it should be.
type held struct {
	id              string
	active, deleted bool
	grants          []heldGrant
	// usable are the secrets that work, by id; texts are those of all that were ever shown.
	usable map[string]bool
	texts  map[string]string
	tokens []heldToken
}

// heldToken is a token that was issued when the credential was worth this.
type heldToken struct {
	text   string
	status statusClaim
	worth  map[string]any
	ended  bool
}

type heldGrant struct {
	API         string              `json:"api"`
	Permissions []string            `json:"permissions"`
	AppliesTo   map[string][]string `json:"applies_to"`
}

func newWorld(t *testing.T, p *program, manager *manager, name string, random *rand.Rand) *world {
	id := func(kind, number string) string { return kind + "_" + name + number }
	one, two := id("acc", "1"), id("acc", "2")
	w := &world{
		program: p, manager: manager, lever: &lever{manager.issuer, manager.http}, random: random, name: name, off: make(map[string]bool),
		workspaces: map[string]string{id("ws", "1"): one, id("ws", "2"): one, id("ws", "3"): two},
	}
	w.put(t, "tenants/"+id("org", ""), fmt.Sprintf(`{"level": "org", "name": %q}`, name))
	for _, account := range w.accounts() {
		w.put(t, "tenants/"+account, fmt.Sprintf(`{"level": "account", "name": %q, "parent_id": %q}`, account, id("org", "")))
	}
	for workspace, account := range w.workspaces {
		w.put(t, "tenants/"+workspace, fmt.Sprintf(`{"level": "workspace", "name": %q, "parent_id": %q}`, workspace, account))
	}
	w.apis = map[string][]string{name + "-many": {"read", "write"}, name + "-one": {"admin", "user"}}
	for api := range w.apis {
		w.putAPI(t, api)
	}
	return w
}

func (w *world) org() string { return "org_" + w.name }

func (w *world) accounts() []string {
	return slices.Compact(slices.Sorted(maps.Values(w.workspaces)))
}

func (w *world) put(t *testing.T, path, body string) reply {
	t.Helper()
	answer := w.lever.call(t, "PUT", path, body)
	if answer.status == http.StatusPreconditionRequired {
		answer = w.lever.call(t, "PUT", path, body, "If-Match", "*")
	}
	if answer.status != http.StatusOK && answer.status != http.StatusCreated {
		t.Fatalf("PUT %s answered %d: %s", path, answer.status, answer.body)
	}
	return answer
}

// putAPI brings an API of the catalogue to what the model says of it.
func (w *world) putAPI(t *testing.T, api string) {
	level, choice := "workspace", "many"
	if strings.HasSuffix(api, "-one") {
		level, choice = "account", "one"
	}
	permissions := []map[string]string{}
	for _, permission := range w.apis[api] {
		permissions = append(permissions, map[string]string{"key": permission, "name": permission})
	}
	status := "active"
	if w.off[api] {
		status = "inactive"
	}
	w.put(t, "apis/"+api+"?force=true", asJSON(t, map[string]any{
		"name": api, "audience": "https://" + api + ".example", "level": level, "choice": choice, "token_lifetime": 60,
		"permissions": permissions, "status": status,
	}))
}

func (w *world) pick(from []string) string { return from[w.random.IntN(len(from))] }

// some answers one or more of these, in their order.
func (w *world) some(from []string) []string {
	sure := w.random.IntN(len(from))
	var chosen []string
	for i, one := range from {
		if i == sure || w.random.IntN(2) == 0 {
			chosen = append(chosen, one)
		}
	}
	return chosen
}

// grants draws one grant or two.
func (w *world) grants() []heldGrant {
	var drawn []heldGrant
	for _, api := range w.some(slices.Sorted(maps.Keys(w.apis))) {
		grant := heldGrant{API: api, Permissions: w.some(w.apis[api])}
		switch {
		case strings.HasSuffix(api, "-one"):
			grant.Permissions = grant.Permissions[:1]
			grant.AppliesTo = map[string][]string{"accounts": w.some(w.accounts())}
		case w.random.IntN(2) == 0:
			grant.AppliesTo = map[string][]string{"all_workspaces_of": w.some(w.accounts())}
		default:
			grant.AppliesTo = map[string][]string{"workspaces": w.some(slices.Sorted(maps.Keys(w.workspaces)))}
		}
		drawn = append(drawn, grant)
	}
	return drawn
}

func (w *world) create(t *testing.T) {
	grants := w.grants()
	answer := w.lever.call(t, "POST", "credentials", asJSON(t, map[string]any{
		"name": fmt.Sprint("Credential ", len(w.held)), "org_id": w.org(), "grants": grants,
	}))
	var made struct {
		ID      string        `json:"client_id"`
		Text    string        `json:"client_secret"`
		Secrets []shownSecret `json:"secrets"`
	}
	parse(t, answer, http.StatusCreated, &made)
	secret := made.Secrets[0].ID
	w.held = append(w.held, &held{
		id: made.ID, active: true, grants: grants,
		usable: map[string]bool{secret: true}, texts: map[string]string{secret: made.Text},
	})
}

// act does one thing at random, to the server and, if it was done, to the model.
func (w *world) act(t *testing.T) {
	h := w.held[w.random.IntN(len(w.held))]
	credential := "credentials/" + h.id
	w.touched = h
	switch n := w.random.IntN(20); {
	case n < 4: // A tenant goes off or on.
		tenant := w.pick(slices.Concat(w.accounts(), slices.Sorted(maps.Keys(w.workspaces)), []string{w.org()}))
		w.flip(t, "tenants/", tenant)
	case n < 6:
		w.flip(t, "apis/", w.pick(slices.Sorted(maps.Keys(w.apis))))
	case n < 8:
		if w.do(t, "POST", credential+"/deactivate", "").status == http.StatusOK {
			h.active = false
		}
	case n < 11:
		if w.do(t, "POST", credential+"/activate", "").status == http.StatusOK {
			h.active = true
		}
	case n < 14:
		grants := w.grants()
		if w.do(t, "PATCH", credential, asJSON(t, map[string]any{"grants": grants})).status == http.StatusOK {
			h.grants = grants
		}
	case n < 16:
		if answer := w.do(t, "POST", credential+"/secrets", `{"overlap": 3600}`); answer.status == http.StatusCreated {
			var made shownSecret
			parse(t, answer, http.StatusCreated, &made)
			h.usable[made.ID], h.texts[made.ID] = true, made.Text
		}
	case n < 18:
		secret := w.pick(slices.Sorted(maps.Keys(h.texts)))
		if w.do(t, "DELETE", credential+"/secrets/"+secret, "").status == http.StatusNoContent {
			delete(h.usable, secret)
		}
	case n < 19:
		w.losePermission(t)
	case w.random.IntN(4) == 0:
		if w.do(t, "DELETE", credential, "").status == http.StatusNoContent {
			h.deleted = true
		}
	}
}

// do makes a request that may be refused, but for a reason.
func (w *world) do(t *testing.T, method, path, body string) reply {
	t.Helper()
	answer := w.lever.call(t, method, path, body, "If-Match", "*")
	w.done = append(w.done, fmt.Sprintf("%d %s %s %s", answer.status, method, path, body))
	if answer.status >= 500 || answer.status == http.StatusBadRequest || answer.status == http.StatusForbidden {
		t.Errorf("%s %s answered %d: %s", method, path, answer.status, answer.body)
	}
	return answer
}

func (w *world) flip(t *testing.T, kind, id string) {
	verb := "/deactivate"
	if w.off[id] {
		verb = "/activate"
	}
	if answer := w.do(t, "POST", kind+id+verb, ""); answer.status != http.StatusOK {
		t.Errorf("%s of %s answered %d: %s", verb, id, answer.status, answer.body)
	}
	w.off[id] = !w.off[id]
	w.touched = nil
}

// losePermission takes a permission out of the API that has two, from whoever holds it, and offers it again. A
// credential that it leaves with nothing is deactivated.
func (w *world) losePermission(t *testing.T) {
	api := w.name + "-many"
	all := w.apis[api]
	lost := w.pick(all)
	w.touched = nil
	w.apis[api] = slices.DeleteFunc(slices.Clone(all), func(key string) bool { return key == lost })
	w.done = append(w.done, "remove "+api+":"+lost)
	w.putAPI(t, api)
	w.apis[api] = all
	w.putAPI(t, api)
	for _, h := range w.held {
		var left []heldGrant
		for _, grant := range h.grants {
			if grant.API == api {
				grant.Permissions = slices.DeleteFunc(slices.Clone(grant.Permissions), func(key string) bool { return key == lost })
			}
			if len(grant.Permissions) > 0 {
				left = append(left, grant)
			}
		}
		h.active = h.active && (len(left) > 0 || len(h.grants) == 0)
		h.grants = left
	}
}

// worth is what a token of the credential would hold now: permissions by API, each with where they hold.
func (w *world) worth(h *held) map[string]any {
	worth := make(map[string]any)
	for _, grant := range h.grants {
		places := make(map[string]any)
		for kind, ids := range grant.AppliesTo {
			var alive []any
			for _, id := range ids {
				if !w.off[id] && !w.off[w.workspaces[id]] {
					alive = append(alive, id)
				}
			}
			if len(alive) > 0 {
				places[kind] = alive
			}
		}
		if len(places) == 0 || w.off[grant.API] {
			continue
		}
		var actions []any
		for _, permission := range grant.Permissions {
			actions = append(actions, permission)
		}
		places["type"], places["actions"] = grant.API, actions
		worth[grant.API] = places
	}
	return worth
}

// compare asks for a token with every secret that was ever shown, and for the preview.
func (w *world) compare(t *testing.T) {
	t.Helper()
	lists := make(statusLists)
	for _, h := range w.held {
		worth, mayAct := w.worth(h), h.active && !h.deleted && !w.off[w.org()]
		for i := range h.tokens {
			w.compareToken(t, h, &h.tokens[i], lists, mayAct && within(h.tokens[i].worth, worth))
		}
		for secret, text := range h.texts {
			status, body, err := askToken(t.Context(), w.program.issuer, h.id, text)
			want := http.StatusUnauthorized
			switch {
			case mayAct && h.usable[secret] && len(worth) > 0:
				want = http.StatusOK
			case mayAct && h.usable[secret]:
				want = http.StatusBadRequest
			}
			if err != nil || status != want {
				t.Errorf("%s with %s is answered %d %s, %v; want %d", h.id, secret, status, body, err, want)
			}
			if status == http.StatusOK {
				var answer struct {
					Token string `json:"access_token"`
				}
				parse(t, reply{status: status, body: body}, http.StatusOK, &answer)
				claims := make(jwt.MapClaims)
				if _, _, err := jwt.NewParser().ParseUnverified(answer.Token, claims); err != nil {
					t.Error(err)
				}
				sameWorth(t, h.id+"'s token", worth, claims)
				h.tokens = append(h.tokens, heldToken{answer.Token, statusIn(t, claims), worth, false})
			}
		}
		if !h.deleted {
			w.comparePreview(t, h, worth, mayAct && len(h.usable) > 0 && len(worth) > 0)
		}
	}
}

// compareToken looks up what the status list says of a token. It must have ended if it says more than is held now, and
// for good; it must not if nothing was done that concerns its credential.
func (w *world) compareToken(t *testing.T, h *held, token *heldToken, lists statusLists, mayLive bool) {
	t.Helper()
	ended := lists.at(t, w.program, token.status) != 0
	if w.random.IntN(8) == 0 && w.manager.introspect(t, token.text)["active"] == ended {
		t.Errorf("introspection and the status list differ over a token of %s", h.id)
	}
	switch {
	case ended:
		if !token.ended && w.touched != nil && w.touched != h {
			t.Errorf("a token of %s ended for nothing", h.id)
		}
	case !mayLive || token.ended:
		t.Errorf("a token of %s is good; it may be: %t, it has been ended: %t", h.id, mayLive, token.ended)
	}
	token.ended = ended
}

// within reports whether less, as worth answers it, is a part of more.
func within(less, more map[string]any) bool {
	for key, value := range less {
		switch value := value.(type) {
		case map[string]any:
			other, _ := more[key].(map[string]any)
			if !within(value, other) {
				return false
			}
		case []any:
			other, _ := more[key].([]any)
			if slices.ContainsFunc(value, func(one any) bool { return !slices.Contains(other, one) }) {
				return false
			}
		default:
			if more[key] != value {
				return false
			}
		}
	}
	return true
}

func (w *world) comparePreview(t *testing.T, h *held, worth map[string]any, some bool) {
	t.Helper()
	var preview struct {
		Claims  map[string]any  `json:"claims"`
		Refusal json.RawMessage `json:"refusal"`
	}
	parse(t, w.lever.call(t, "POST", "credentials/"+h.id+"/token-preview", "{}"), http.StatusOK, &preview)
	if (preview.Claims != nil) != some {
		t.Errorf("%s: the preview says %s, %v; want a token: %t", h.id, preview.Refusal, preview.Claims, some)
	}
	if preview.Claims != nil && some {
		sameWorth(t, h.id+"'s preview", worth, preview.Claims)
	}
}

// sameWorth compares claims with what a token should hold.
func sameWorth(t *testing.T, what string, worth map[string]any, claims map[string]any) {
	t.Helper()
	got := make(map[string]any)
	details, _ := claims["authorization_details"].([]any)
	var scope []string
	for _, detail := range details {
		one := detail.(map[string]any)
		got[one["type"].(string)] = one
		for _, action := range one["actions"].([]any) {
			scope = append(scope, fmt.Sprint(one["type"], ":", action))
		}
	}
	if diff := cmp.Diff(worth, got); diff != "" || len(got) != len(details) {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	if said := strings.Fields(fmt.Sprint(claims["scope"])); !slices.Equal(slices.Sorted(slices.Values(scope)), slices.Sorted(slices.Values(said))) {
		t.Errorf("%s has the scope %q, and details of %q", what, said, scope)
	}
}
