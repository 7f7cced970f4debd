package admin_test

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/deploy"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

const issuerURL = "https://latchkey.example"

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// house is an installation with the example in it, on a temporary SQLite.
type house struct {
	db        *storage.DB
	registrar *admin.Registrar
	tree      admin.Tree
	catalog   admin.Catalog
	applier   admin.Applier
	trail     admin.Trail
	boss      admin.Actor
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx := t.Context()
	db, err := storage.Open(ctx, storage.Config{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db"), MasterKey: make([]byte, 32), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	keys := admin.Keys{
		Store: db, Maker: oauth.LocalKeys{}, Now: now,
		Rotation: oauth.Rotation{Algorithms: []jose.SignatureAlgorithm{jose.ES256}, Period: 24 * time.Hour},
	}
	setup := admin.Setup{Store: db, Keys: keys, IssuerURL: issuerURL, Example: deploy.Example, Now: now}
	first, err := setup.Run(ctx)
	if err != nil || first == nil {
		t.Fatalf("setup answered %v, %v", first, err)
	}
	fresh, err := storage.NewFresh(ctx, db, storage.FreshConfig{Clients: 100})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := oauth.NewIssuer(oauth.Config{URL: issuerURL, Store: fresh, MaxLifetime: time.Hour, Algorithm: jose.ES256, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	cursors := admin.CursorKey("for tests alone")
	boss := admin.System("test")
	boss.Kind, boss.ID = admin.ActorClient, first.Client.ID
	registrar := admin.NewRegistrar(admin.RegistrarConfig{
		Store: db, Issuer: issuer, Cursors: cursors, MaxOverlap: 7 * 24 * time.Hour, Now: now,
	})
	return &house{
		db:        db,
		registrar: registrar,
		applier:   admin.Applier{Store: db, Registrar: registrar, Now: now},
		tree:      admin.Tree{Store: db, Cursors: cursors, Now: now},
		catalog:   admin.Catalog{Store: db, Now: now},
		trail:     admin.Trail{Store: db, Cursors: cursors},
		boss:      boss,
	}
}

func said[T any](value T) *T { return &value }

func profileReader(name string) admin.NewClient {
	return admin.NewClient{ClientChange: admin.ClientChange{
		Name:   said(name),
		Grants: said([]oauth.Grant{{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod"}}}}),
	}}
}

func (h *house) register(t *testing.T, new admin.NewClient) *oauth.Client {
	t.Helper()
	return h.outcome(t, new).Client
}

// outcome registers a client. Its summary is the one that everybody is shown later.
func (h *house) outcome(t *testing.T, new admin.NewClient) admin.Outcome {
	t.Helper()
	outcome, err := h.registrar.Register(t.Context(), h.boss, new, false)
	if err != nil {
		t.Fatal(err)
	}
	summaries, err := h.registrar.Summaries(t.Context(), []oauth.Client{*outcome.Client})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(summaries[0], outcome.Summary); diff != "" {
		t.Errorf("the summary (-later +at once):\n%s", diff)
	}
	return outcome
}

func TestRegisterAnswersAllFieldErrorsAtOnce(t *testing.T) {
	h := newHouse(t)
	_, err := h.registrar.Register(t.Context(), h.boss, admin.NewClient{
		OrgID: "org_example",
		ClientChange: admin.ClientChange{
			AuthMethod: said(oauth.AuthMethod("magic")),
			Name:       said(" \u202eevil"), Note: said(strings.Repeat("x", 2001)), TokenLifetime: said(int64(3601)),
			AllowedCIDRs: said([]string{"10.0.0.0/8", "nonsense"}),
			Grants: said([]oauth.Grant{
				{API: "profile", Permissions: []string{"write"}, AppliesTo: oauth.Places{Accounts: []string{"acc_eu"}}},
				{API: "unknown"},
				{API: "platform", Permissions: []string{"admin", "user"}, AppliesTo: oauth.Places{Accounts: []string{"ws_eu_prod", "acc_of_another"}}},
				{API: "platform", Permissions: []string{"user"}, AppliesTo: oauth.Places{Accounts: []string{"acc_eu"}}},
				{API: "data-plans", AppliesTo: oauth.Places{Workspaces: []string{}}},
			}),
		},
	}, false)
	var fields admin.FieldErrors
	if !errors.As(err, &fields) {
		t.Fatal(err)
	}
	var got []string
	for _, field := range fields {
		got = append(got, field.Pointer+" "+field.Code)
	}
	slices.Sort(got)
	want := []string{
		"/allowed_cidrs/1 invalid",
		"/auth_method unknown",
		"/grants/0/applies_to/accounts wrong_level",
		"/grants/0/permissions/0 unknown",
		"/grants/1/api unknown",
		"/grants/2/applies_to/accounts/0 wrong_level",
		"/grants/2/applies_to/accounts/1 unknown",
		"/grants/2/permissions too_many",
		"/grants/3/api repeated",
		"/grants/4/applies_to/workspaces required",
		"/grants/4/permissions required",
		"/name invalid",
		"/name invalid",
		"/note too_long",
		"/token_lifetime out_of_range",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("field errors (-want +got):\n%s", diff)
	}
}

func TestOnlyChoiceIsSelectedAndSaid(t *testing.T) {
	h := newHouse(t)
	outcome := h.outcome(t, admin.NewClient{ClientChange: admin.ClientChange{
		Name: said("roles"), Grants: said([]oauth.Grant{{API: "custom-roles"}}),
	}})
	want := []oauth.Grant{{API: "custom-roles", Permissions: []string{"admin"}, AppliesTo: oauth.Places{Org: true}}}
	if diff := cmp.Diff(want, outcome.Client.Grants); diff != "" || outcome.Client.OrgID != "org_example" {
		t.Errorf("org %q, grants (-want +got):\n%s", outcome.Client.OrgID, diff)
	}
	if len(outcome.Warnings) != 2 {
		t.Errorf("warnings = %q; want one for the permission and one for the place", outcome.Warnings)
	}

	for _, tenant := range []admin.DeclaredTenant{
		{ID: "org_small", Level: oauth.LevelOrg, Name: "Small"},
		{ID: "acc_small", Level: oauth.LevelAccount, ParentID: "org_small", Name: "Books"},
		{ID: "ws_small", Level: oauth.LevelWorkspace, ParentID: "acc_small", Name: "Shelf"},
	} {
		if _, _, err := h.tree.Put(t.Context(), h.boss, tenant, admin.PutCondition{}); err != nil {
			t.Fatal(err)
		}
	}
	outcome = h.outcome(t, admin.NewClient{OrgID: "org_small", ClientChange: admin.ClientChange{
		Name: said("reader"), Grants: said([]oauth.Grant{{API: "profile", Permissions: []string{"read"}}}),
	}})
	if got := outcome.Client.Grants[0].AppliesTo.Workspaces; !slices.Equal(got, []string{"ws_small"}) {
		t.Errorf("workspaces = %q", got)
	}
	if len(outcome.Summary) != 1 || !strings.HasSuffix(outcome.Summary[0], " in Shelf") {
		t.Errorf("summary = %q; want the place that was selected", outcome.Summary)
	}
}

func TestNobodyGrantsWhatTheyDoNotHold(t *testing.T) {
	h := newHouse(t)
	weak := admin.Actor{Kind: admin.ActorClient, ID: "cid_weak", Org: "org_example", Permissions: []string{admin.CredentialsRead, admin.CredentialsWrite}}
	for name, test := range map[string]struct {
		grant   oauth.Grant
		allowed bool
	}{
		"its own permission in its org": {oauth.Grant{API: admin.ManagementAPI, Permissions: []string{admin.CredentialsRead}, AppliesTo: oauth.Places{Org: true}}, true},
		"its own permission everywhere": {oauth.Grant{API: admin.ManagementAPI, Permissions: []string{admin.CredentialsRead}, AppliesTo: oauth.Places{Installation: true}}, false},
		"another permission":            {oauth.Grant{API: admin.ManagementAPI, Permissions: []string{admin.KeysWrite}, AppliesTo: oauth.Places{Org: true}}, false},
		"an API reserved to a role":     {oauth.Grant{API: "custom-roles", Permissions: []string{"admin"}, AppliesTo: oauth.Places{Org: true}}, false},
		"any other API":                 {oauth.Grant{API: "platform", Permissions: []string{"admin"}, AppliesTo: oauth.Places{Accounts: []string{"acc_eu"}}}, true},
	} {
		new := admin.NewClient{ClientChange: admin.ClientChange{Name: said(name), Grants: said([]oauth.Grant{test.grant})}}
		_, err := h.registrar.Register(t.Context(), weak, new, false)
		var fields admin.FieldErrors
		if allowed := err == nil; allowed != test.allowed || !allowed && (!errors.As(err, &fields) || fields[0].Code != "not_grantable") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnotherOrgDoesNotExist(t *testing.T) {
	h := newHouse(t)
	client := h.register(t, profileReader("mine"))
	stranger := h.boss
	stranger.Org = "org_other"
	ctx := t.Context()

	if _, err := h.registrar.Client(ctx, stranger, client.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("reading answered %v", err)
	}
	if _, err := h.registrar.Deactivate(ctx, stranger, client.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("deactivating answered %v", err)
	}
	if err := h.registrar.Remove(ctx, stranger, client.ID, nil); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("removing answered %v", err)
	}
	if _, err := h.registrar.Change(ctx, stranger, client.ID, nil, admin.ClientChange{Name: said("theirs")}, false); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("changing answered %v", err)
	}
	if page, err := h.registrar.List(ctx, stranger, admin.ClientFilter{}, admin.PageRequest{}); err != nil || len(page.Rows) != 0 {
		t.Errorf("listing answered %d rows, %v", len(page.Rows), err)
	}
	if page, err := h.tree.Tenants(ctx, stranger, admin.TenantFilter{}, admin.PageRequest{}); err != nil || len(page.Rows) != 0 {
		t.Errorf("the tree answered %d rows, %v", len(page.Rows), err)
	}
	if _, err := h.registrar.Register(ctx, stranger, profileReader("theirs"), false); err == nil {
		t.Error("registering in an org that is not there succeeded")
	}
}

func TestRightsAreChecked(t *testing.T) {
	h := newHouse(t)
	client := h.register(t, profileReader("a"))
	nobody := admin.Actor{Kind: admin.ActorClient, ID: "cid_nobody"}
	ctx := t.Context()
	for name, act := range map[string]func() error{
		"register": func() error { _, err := h.registrar.Register(ctx, nobody, profileReader("b"), false); return err },
		"try":      func() error { _, err := h.registrar.Register(ctx, nobody, profileReader("b"), true); return err },
		"read":     func() error { _, err := h.registrar.Client(ctx, nobody, client.ID); return err },
		"list": func() error {
			_, err := h.registrar.List(ctx, nobody, admin.ClientFilter{}, admin.PageRequest{})
			return err
		},
		"change": func() error {
			_, err := h.registrar.Change(ctx, nobody, client.ID, nil, admin.ClientChange{}, false)
			return err
		},
		"activate":   func() error { _, err := h.registrar.Activate(ctx, nobody, client.ID); return err },
		"deactivate": func() error { _, err := h.registrar.Deactivate(ctx, nobody, client.ID); return err },
		"remove":     func() error { return h.registrar.Remove(ctx, nobody, client.ID, nil) },
		"tree":       func() error { _, err := h.tree.Tenant(ctx, nobody, "org_example"); return err },
		"trail": func() error {
			_, err := h.trail.Events(ctx, nobody, admin.EventFilter{}, admin.PageRequest{})
			return err
		},
	} {
		var forbidden *admin.ForbiddenError
		if err := act(); !errors.As(err, &forbidden) {
			t.Errorf("%s answered %v", name, err)
		}
	}
}

func TestLifeOfACredential(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	client := h.register(t, profileReader("worker"))

	if _, err := h.registrar.Register(ctx, h.boss, profileReader("worker"), false); !errors.Is(err, admin.ErrNameTaken) {
		t.Errorf("the same name again answered %v", err)
	}
	if _, err := h.registrar.Register(ctx, h.boss, profileReader("worker"), true); !errors.Is(err, admin.ErrNameTaken) {
		t.Errorf("trying the same name again answered %v", err)
	}
	outcome, err := h.registrar.Change(ctx, h.boss, client.ID, admin.Precondition{1}, admin.ClientChange{Note: said("a\nb")}, false)
	if err != nil || outcome.Client.Version != 2 {
		t.Fatalf("changing answered %+v, %v", outcome.Client, err)
	}
	var stale *admin.StaleError
	if _, err := h.registrar.Change(ctx, h.boss, client.ID, admin.Precondition{1}, admin.ClientChange{Note: said("c")}, false); !errors.As(err, &stale) || stale.Current != 2 {
		t.Errorf("changing an old version answered %v", err)
	}
	same, err := h.registrar.Change(ctx, h.boss, client.ID, nil, admin.ClientChange{Note: said("a\nb")}, false)
	if err != nil || same.Client.Version != 2 || len(same.Changes) != 0 {
		t.Errorf("changing nothing answered version %d, %v", same.Client.Version, err)
	}
	for range 2 {
		off, err := h.registrar.Deactivate(ctx, h.boss, client.ID)
		if err != nil || off.Status != oauth.StatusInactive || off.Version != 3 {
			t.Fatalf("deactivating answered %+v, %v", off, err)
		}
	}
	if on, err := h.registrar.Activate(ctx, h.boss, client.ID); err != nil || on.Status != oauth.StatusActive {
		t.Fatalf("activating answered %+v, %v", on, err)
	}
	if err := h.registrar.Remove(ctx, h.boss, client.ID, admin.Precondition{3}); !errors.As(err, &stale) {
		t.Errorf("removing an old version answered %v", err)
	}
	if err := h.registrar.Remove(ctx, h.boss, client.ID, admin.Precondition{4}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.registrar.Client(ctx, h.boss, client.ID); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("reading what was removed answered %v", err)
	}
	h.register(t, profileReader("worker")) // The name is free again.

	events, err := h.trail.Events(ctx, h.boss, admin.EventFilter{Target: client.ID}, admin.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, event := range events.Rows {
		actions = append(actions, event.Action)
	}
	want := []string{"credential.deleted", "credential.activated", "credential.deactivated", "credential.changed", "credential.created"}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestExpiredSecretCannotBeActivated(t *testing.T) {
	h := newHouse(t)
	new := profileReader("short")
	new.SecretExpiresAt = said(now().Add(50 * time.Millisecond))
	client := h.register(t, new)
	if _, err := h.registrar.Deactivate(t.Context(), h.boss, client.ID); err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond)
	if _, err := h.registrar.Activate(t.Context(), h.boss, client.ID); !errors.Is(err, admin.ErrNoUsableSecret) {
		t.Errorf("activating answered %v", err)
	}
	on := said(oauth.StatusActive)
	if _, err := h.registrar.Change(t.Context(), h.boss, client.ID, nil, admin.ClientChange{Status: on}, false); !errors.Is(err, admin.ErrNoUsableSecret) {
		t.Errorf("patching the status answered %v", err)
	}
}

func TestPagesAndCursors(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	names := []string{"First management credential"}
	for _, name := range []string{"b", "a", "d", "c", "e"} {
		h.register(t, profileReader(name))
		names = append(names, name)
	}
	slices.Sort(names)
	var got []string
	cursor := ""
	for {
		page, err := h.registrar.List(ctx, h.boss, admin.ClientFilter{}, admin.PageRequest{Limit: 2, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, client := range page.Rows {
			got = append(got, client.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		tampered := []byte(cursor)
		tampered[len(tampered)/2] ^= 1
		for name, try := range map[string]func() error{
			"tampered": func() error {
				_, err := h.registrar.List(ctx, h.boss, admin.ClientFilter{}, admin.PageRequest{Cursor: string(tampered)})
				return err
			},
			"other filter": func() error {
				_, err := h.registrar.List(ctx, h.boss, admin.ClientFilter{Search: "a"}, admin.PageRequest{Cursor: cursor})
				return err
			},
			"other list": func() error {
				_, err := h.tree.Tenants(ctx, h.boss, admin.TenantFilter{}, admin.PageRequest{Cursor: cursor})
				return err
			},
		} {
			if err := try(); !errors.Is(err, admin.ErrBadCursor) {
				t.Errorf("a cursor, %s, answered %v", name, err)
			}
		}
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestSummaries(t *testing.T) {
	h := newHouse(t)
	clients := []oauth.Client{{OrgID: "org_example", Grants: []oauth.Grant{
		{API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: []string{"ws_eu_prod", "ws_us_prod"}}},
		{API: "data-plans", Permissions: []string{"read", "write"}, AppliesTo: oauth.Places{AllWorkspacesOf: []string{"acc_eu"}}},
		{API: "custom-roles", Permissions: []string{"admin"}, AppliesTo: oauth.Places{Org: true}},
	}}}
	summaries, err := h.registrar.Summaries(context.Background(), clients)
	if err != nil {
		t.Fatal(err)
	}
	for _, sentence := range summaries[0] {
		t.Log(sentence)
		if strings.Contains(sentence, "  ") || strings.HasSuffix(sentence, " ") {
			t.Errorf("%q misses a name", sentence)
		}
	}
	if len(summaries[0]) != 4 {
		t.Errorf("%d sentences; want 4", len(summaries[0]))
	}
}

func TestCheckFirstClient(t *testing.T) {
	strong := "pK9+2m/Zr4TqX8vB1nW7sLcY3hD6gF0aJ5uE:oiR%"
	for name, test := range map[string]struct {
		id, secret string
		bad        bool
	}{
		"strong":     {"boot", strong, false},
		"odd id":     {"svc:a+b c%/x", strong, false},
		"hex":        {"boot", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", false},
		"short":      {"boot", strong[:31], true},
		"one letter": {"boot", strings.Repeat("a", 64), true},
		"repeated":   {"boot", strings.Repeat("password", 8), true},
		"sequence":   {"boot", "abcdefghijklmnopqrstuvwxyz012345", true},
		"keyboard":   {"boot", "qwertyuiopasdfghjklzxcvbnm1234567890", true},
		"words":      {"boot", "correct horse battery staple correct horse", true},
		"pangram":    {"boot", "the quick brown fox jumps over the lazy dog", true},
		"sentence":   {"boot", "Change-this-secret-before-production!", true},
		"name":       {"boot", "my-very-long-production-client-secret-for-latchkey-2026", true},
		"a prefix":   {"boot", `:+%&= "\%41` + "K5QW3MZ7RJ2XH6TNV4PLBD2FYCGSAEUI" + "OX7Q3W", false},
		"swapped":    {"boot", "P@ssw0rd!P@ssw0rd!P@ssw0rd!P@ssw0rd!", true},
		"hex word":   {"boot", "deadbeefdeadbeefdeadbeefdeadbeef", true},
		"digits":     {"boot", "12345678901234567890123456789012", true},
		"the id":     {strong, strong, true},
		"no secret":  {"boot", "", true},
		"no id":      {"", strong, true},
		"control":    {"bo\not", strong, true},
		"not ASCII":  {"boot", strong + "é", true},
	} {
		if err := admin.CheckFirstClient(test.id, oauth.NewPlaintext(test.secret)); (err != nil) != test.bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What generators make is taken, but for a rare one.
func TestCheckFirstClientTakesRandomSecrets(t *testing.T) {
	for name, encode := range map[string]func([]byte) string{
		"hex":    func(random []byte) string { return hex.EncodeToString(random) },
		"HEX":    func(random []byte) string { return strings.ToUpper(hex.EncodeToString(random)) },
		"base32": base32.StdEncoding.EncodeToString,
		"base64": base64.StdEncoding.EncodeToString,
		"url":    base64.RawURLEncoding.EncodeToString,
		"uuids":  func(random []byte) string { return fmt.Sprintf("%x-%x-%x", random[:8], random[8:16], random[16:]) },
	} {
		random, refused := rand.NewChaCha8([32]byte{1}), 0
		for range 10_000 {
			var bytes [32]byte
			random.Read(bytes[:])
			if admin.CheckFirstClient("boot", oauth.NewPlaintext(encode(bytes[:]))) != nil {
				refused++
			}
		}
		if refused > 50 {
			t.Errorf("%s: %d of 10,000 refused", name, refused)
		}
	}
}

func TestRegisterBounds(t *testing.T) {
	h := newHouse(t)
	many := make([]string, 100_000)
	for i := range many {
		many[i] = fmt.Sprint("p", i)
	}
	grants := func(grant oauth.Grant) admin.ClientChange {
		return admin.ClientChange{Name: said("Bounded"), Grants: said([]oauth.Grant{grant})}
	}
	for name, test := range map[string]struct {
		new     admin.NewClient
		pointer string
	}{
		"too many permissions": {admin.NewClient{ClientChange: grants(oauth.Grant{API: "profile", Permissions: many})}, "/grants/0/permissions"},
		"too many places": {admin.NewClient{ClientChange: grants(oauth.Grant{
			API: "profile", Permissions: []string{"read"}, AppliesTo: oauth.Places{Workspaces: many},
		})}, "/grants"},
		"a long name in an error": {admin.NewClient{ClientChange: grants(oauth.Grant{API: strings.Repeat("x", 1<<20)})}, "/grants/0/api"},
		"a secret until the year 10000": {admin.NewClient{
			ClientChange: profileReader("Bounded").ClientChange, SecretExpiresAt: said(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		}, "/secret_expires_at"},
		"a secret until the year 1": {admin.NewClient{
			ClientChange: profileReader("Bounded").ClientChange, SecretExpiresAt: said(time.Time{}),
		}, "/secret_expires_at"},
	} {
		start := time.Now()
		_, err := h.registrar.Register(t.Context(), h.boss, test.new, false)
		var fields admin.FieldErrors
		if !errors.As(err, &fields) || fields[0].Pointer != test.pointer || len(err.Error()) > 100_000 {
			t.Errorf("%s: %.300v", name, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

func TestNobodyManagesMoreThanTheyHold(t *testing.T) {
	h := newHouse(t)
	whole := []oauth.Grant{{API: admin.ManagementAPI, Permissions: []string{admin.CredentialsWrite}, AppliesTo: oauth.Places{Installation: true}}}
	mighty := h.register(t, admin.NewClient{ClientChange: admin.ClientChange{Name: said("Mighty"), Grants: &whole}})
	weak := admin.Actor{
		Kind: admin.ActorClient, ID: "cid_weak", Org: mighty.OrgID,
		Permissions: []string{admin.CredentialsRead, admin.CredentialsWrite},
	}
	var forbidden *admin.ForbiddenError
	for act, err := range map[string]error{
		"change": func() error {
			_, err := h.registrar.Change(t.Context(), weak, mighty.ID, nil, admin.ClientChange{Note: said("mine")}, false)
			return err
		}(),
		"deactivate": func() error { _, err := h.registrar.Deactivate(t.Context(), weak, mighty.ID); return err }(),
		"remove":     h.registrar.Remove(t.Context(), weak, mighty.ID, nil),
	} {
		if !errors.As(err, &forbidden) {
			t.Errorf("%s: %v", act, err)
		}
	}
}

func TestChangeForAnyVersion(t *testing.T) {
	h := newHouse(t)
	client := h.register(t, profileReader("Contended"))
	var writers errgroup.Group
	for i := range 8 {
		writers.Go(func() error {
			for j := range 10 {
				change := admin.ClientChange{Note: said(fmt.Sprint(i, j))}
				if _, err := h.registrar.Change(t.Context(), h.boss, client.ID, nil, change, false); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := writers.Wait(); err != nil {
		t.Error(err)
	}
}
