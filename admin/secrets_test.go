package admin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

const day = 24 * time.Hour

func TestRotationPolicy(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	client := h.register(t, profileReader("worker"))
	past, soon := now().Add(-time.Second), now().Add(time.Hour)
	for name, test := range map[string]struct {
		rotation admin.Rotation
		want     []string
	}{
		"negative":             {admin.Rotation{Overlap: said(int64(-1))}, []string{"/overlap out_of_range"}},
		"beyond the policy":    {admin.Rotation{Overlap: said(int64(7*day/time.Second) + 1)}, []string{"/overlap out_of_range"}},
		"beyond all":           {admin.Rotation{Overlap: said(int64(1<<63 - 1)), ExpiresAt: &past}, []string{"/expires_at past", "/overlap out_of_range"}},
		"expired":              {admin.Rotation{ExpiresAt: &past}, []string{"/expires_at past"}},
		"shorter than overlap": {admin.Rotation{ExpiresAt: &soon}, []string{"/expires_at too_early"}},
	} {
		_, err := h.registrar.Rotate(ctx, h.boss, client.ID, nil, test.rotation)
		if got := blamed(t, err); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}

	rotated, err := h.registrar.Rotate(ctx, h.boss, client.ID, admin.Precondition{1}, admin.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	if rotated.Client.Version != 2 || rotated.Client.MatchingSecret(rotated.Text, now()) == nil {
		t.Errorf("the rotation left %+v", rotated.Client)
	}
	previous := rotated.Client.Secrets[1]
	if previous.StopsAt.Sub(rotated.Secret.CreatedAt) != day {
		t.Errorf("the previous secret stops at %v", previous.StopsAt)
	}
	for name, test := range map[string]struct {
		stopsAt time.Time
		want    []string
	}{
		"within the policy": {rotated.Secret.CreatedAt.Add(7 * day), nil},
		"beyond the policy": {rotated.Secret.CreatedAt.Add(7*day + time.Microsecond), []string{"/stops_at out_of_range"}},
	} {
		_, err := h.registrar.MoveDeadline(ctx, h.boss, client.ID, previous.ID, nil, test.stopsAt)
		if got := blamed(t, err); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	var stale *admin.StaleError
	if err := h.registrar.StopSecret(ctx, h.boss, client.ID, previous.ID, admin.Precondition{1}); !errors.As(err, &stale) {
		t.Errorf("an old version was changed: %v", err)
	}
	for range 2 {
		if err := h.registrar.StopSecret(ctx, h.boss, client.ID, previous.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := h.registrar.Client(ctx, h.boss, client.ID)
	if err != nil || stored.Version != 4 {
		t.Errorf("stopping twice left version %d, %v", stored.Version, err)
	}

	// A new secret may end by itself, but not before the one it replaces.
	overlap := int64(60)
	rotated, err = h.registrar.Rotate(ctx, h.boss, client.ID, nil, admin.Rotation{Overlap: &overlap, ExpiresAt: &soon})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.registrar.MoveDeadline(ctx, h.boss, client.ID, rotated.Client.Secrets[1].ID, nil, soon)
	if got := blamed(t, err); !slices.Equal(got, []string{"/stops_at too_late"}) {
		t.Errorf("the previous secret outlasts the current: %v", got)
	}
}

func TestSecretsAreOnTheTrail(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	client := h.register(t, profileReader("worker"))
	rotated, err := h.registrar.Rotate(ctx, h.boss, client.ID, nil, admin.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.registrar.Report(ctx, admin.Reporter("192.0.2.1", "req"), rotated.Text); err != nil {
		t.Fatal(err)
	}
	page, err := h.trail.Events(ctx, h.boss, admin.EventFilter{Target: client.ID}, admin.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"secret.reported", "secret.rotated", "credential.created"} {
		event := page.Rows[i]
		if event.Action != want {
			t.Errorf("event %d is %s, want %s", i, event.Action, want)
		}
		for name, change := range event.Changes {
			if strings.Contains(string(change.From)+string(change.To), rotated.Text.Reveal()) {
				t.Errorf("%s of %s holds a secret", name, event.Action)
			}
		}
	}
	reported := page.Rows[0]
	if len(reported.Changes) != 2 || reported.ActorKind != admin.ActorReporter || reported.Address != "192.0.2.1" || reported.OrgID != client.OrgID {
		t.Errorf("the report is %+v", reported) // The leaked secret, and the deadline of the other.
	}
}

func TestReport(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	reporter := admin.Reporter("192.0.2.1", "req")
	outcome, err := h.registrar.Register(ctx, h.boss, profileReader("worker"), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "guess", "lks_" + strings.Repeat("0", 49), "\x00\xff", strings.Repeat("x", 1<<16)} {
		if err := h.registrar.Report(ctx, reporter, oauth.NewPlaintext(text)); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for range 2 { // The second time there is nothing left to end.
		if err := h.registrar.Report(ctx, reporter, outcome.Secret); err != nil {
			t.Fatal(err)
		}
	}
	client, err := h.registrar.Client(ctx, h.boss, outcome.Client.ID)
	if err != nil || client.Version != 2 || client.CurrentSecret(now()) != nil || client.Status != oauth.StatusActive {
		t.Fatalf("after the report it is %+v, %v", client, err)
	}

	// What the leak took, the credential can do without while it is edited, and get again.
	if _, err := h.registrar.Change(ctx, h.boss, client.ID, nil, admin.ClientChange{Note: said("leaked"), Status: said(oauth.StatusActive)}, false); err != nil {
		t.Errorf("editing it answered %v", err)
	}
	rotated, err := h.registrar.Rotate(ctx, h.boss, client.ID, nil, admin.Rotation{})
	if err != nil || rotated.Client.MatchingSecret(rotated.Text, now()) == nil || rotated.Client.MatchingSecret(outcome.Secret, now()) != nil {
		t.Errorf("rotating answered %v", err)
	}
}

// TestReportDuringRotation: a leaked secret never takes the other with it, now or at its deadline.
func TestReportDuringRotation(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	for _, leaked := range []string{"current", "previous"} {
		outcome, err := h.registrar.Register(ctx, h.boss, profileReader(leaked), false)
		if err != nil {
			t.Fatal(err)
		}
		rotated, err := h.registrar.Rotate(ctx, h.boss, outcome.Client.ID, nil, admin.Rotation{})
		if err != nil {
			t.Fatal(err)
		}
		gone, left := rotated.Text, outcome.Secret
		if leaked == "previous" {
			gone, left = left, gone
		}
		if err := h.registrar.Report(ctx, admin.Reporter("", ""), gone); err != nil {
			t.Fatal(err)
		}
		client, err := h.registrar.Client(ctx, h.boss, outcome.Client.ID)
		if err != nil {
			t.Fatal(err)
		}
		if client.MatchingSecret(gone, now()) != nil || client.MatchingSecret(left, now().Add(365*day)) == nil {
			t.Errorf("the %s secret leaked, and left %+v", leaked, client.Secrets)
		}
	}
}

const (
	someKeys  = `{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	someURL   = "https://keys.example/jwks.json"
	badKeys   = `{"keys": [{"kty": "oct"}]}`
	noKeySets = `null`
)

func TestClientKeys(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	text := func(text string) *[]byte { bytes := []byte(text); return &bytes }
	method := said(oauth.AuthPrivateKeyJWT)
	for name, test := range map[string]struct {
		change admin.ClientChange
		expiry *time.Time
		want   []string
	}{
		"keys":            {change: admin.ClientChange{AuthMethod: method, JWKS: text(someKeys)}},
		"URL":             {change: admin.ClientChange{AuthMethod: method, JWKSURI: said(someURL)}},
		"URL and no keys": {change: admin.ClientChange{AuthMethod: method, JWKS: text(noKeySets), JWKSURI: said(someURL)}},
		"neither":         {change: admin.ClientChange{AuthMethod: method}, want: []string{"/jwks required"}},
		"null":            {change: admin.ClientChange{AuthMethod: method, JWKS: text(noKeySets)}, want: []string{"/jwks required"}},
		"both":            {change: admin.ClientChange{AuthMethod: method, JWKS: text(someKeys), JWKSURI: said(someURL)}, want: []string{"/jwks_uri contradictory"}},
		"bad keys":        {change: admin.ClientChange{AuthMethod: method, JWKS: text(badKeys)}, want: []string{"/jwks/keys/0/kty not_allowed"}},
		"bad URL":         {change: admin.ClientChange{AuthMethod: method, JWKSURI: said("http://x")}, want: []string{"/jwks_uri invalid"}},
		"keys to secret":  {change: admin.ClientChange{JWKS: text(someKeys), JWKSURI: said(someURL)}, want: []string{"/jwks not_allowed", "/jwks_uri not_allowed"}},
		"expiring secret": {change: admin.ClientChange{AuthMethod: method, JWKS: text(someKeys)}, expiry: said(now().Add(day)), want: []string{"/secret_expires_at not_allowed"}},
	} {
		test.change.Name, test.change.Grants = said(name), profileReader("").Grants
		outcome, err := h.registrar.Register(ctx, h.boss, admin.NewClient{ClientChange: test.change, SecretExpiresAt: test.expiry}, false)
		if got := blamed(t, err); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if err == nil && (len(outcome.Client.Secrets) > 0 || outcome.Secret.Reveal() != "") {
			t.Errorf("%s: it has a secret", name)
		}
	}
}

// TestAuthMethodSwitch takes a credential from its secret to keys, from those to others, and back.
func TestAuthMethodSwitch(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	client := h.register(t, profileReader("worker"))
	keys := []byte(someKeys)
	change := func(change admin.ClientChange) (*oauth.Client, error) {
		outcome, err := h.registrar.Change(ctx, h.boss, client.ID, nil, change, false)
		return outcome.Client, err
	}

	toKeys := admin.ClientChange{AuthMethod: said(oauth.AuthPrivateKeyJWT), JWKS: &keys}
	tried, err := h.registrar.Change(ctx, h.boss, client.ID, nil, toKeys, true)
	if err != nil || len(tried.Warnings) != 1 || len(tried.Changes) != 3 {
		t.Errorf("trying answered %v, %v, %v", tried.Warnings, tried.Changes, err) // auth_method, jwks, the secret.
	}
	now, err := change(toKeys)
	if err != nil || len(now.Secrets) != 0 || len(now.Keys) != 1 {
		t.Fatalf("to keys: %+v, %v", now, err)
	}
	if _, err := h.registrar.Rotate(ctx, h.boss, client.ID, nil, admin.Rotation{}); !errors.Is(err, admin.ErrKeysInstead) {
		t.Errorf("rotating answered %v", err)
	}
	if now, err = change(admin.ClientChange{JWKSURI: said(someURL)}); err != nil || now.Keys != nil || now.KeysURL != someURL {
		t.Errorf("to a URL: %+v, %v", now, err)
	}
	if now, err = change(admin.ClientChange{JWKS: &keys}); err != nil || len(now.Keys) != 1 || now.KeysURL != "" {
		t.Errorf("to keys again: %+v, %v", now, err)
	}
	if now, err = change(admin.ClientChange{Note: said("edited")}); err != nil || len(now.Keys) != 1 {
		t.Errorf("edited: %+v, %v", now, err)
	}
	if _, err = h.registrar.Deactivate(ctx, h.boss, client.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.registrar.Activate(ctx, h.boss, client.ID); err != nil {
		t.Errorf("with its keys it cannot be activated: %v", err)
	}

	toSecret := admin.ClientChange{AuthMethod: said(oauth.AuthSecret)}
	if _, err := change(toSecret); !errors.Is(err, admin.ErrNoUsableSecret) {
		t.Errorf("active, it was left without a secret: %v", err)
	}
	if _, err := h.registrar.Deactivate(ctx, h.boss, client.ID); err != nil {
		t.Fatal(err)
	}
	if now, err = change(toSecret); err != nil || now.Keys != nil {
		t.Errorf("to a secret: %+v, %v", now, err)
	}
	if _, err := h.registrar.Rotate(ctx, h.boss, client.ID, nil, admin.Rotation{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.registrar.Activate(ctx, h.boss, client.ID); err != nil {
		t.Errorf("activating answered %v", err)
	}
}

// blamed answers the fields that an error blames, if there is one.
func blamed(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	return pointers(t, err)
}
