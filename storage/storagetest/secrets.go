package storagetest

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func testClientKeys(t *testing.T, f *fixture) {
	f.plant(t)
	keys, faults := oauth.ParseClientKeys([]byte(`{"keys": [
		{"kty": "OKP", "crv": "Ed25519", "kid": "one", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty": "EC", "crv": "P-256", "kid": "two", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
	]}`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	client, _ := f.client("Robot")
	client.AuthMethod, client.Secrets, client.Keys = oauth.AuthPrivateKeyJWT, nil, keys
	must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
	replica := f.Replica(t)
	for _, change := range []func(*oauth.Client){
		func(*oauth.Client) {},
		func(c *oauth.Client) { c.Keys = keys[:1] },
		func(c *oauth.Client) { c.Keys, c.KeysURL = nil, "https://keys.example/jwks.json" },
		func(c *oauth.Client) { c.AuthMethod, c.KeysURL = oauth.AuthSecret, "" },
	} {
		change(client)
		client.Version++
		f.update(t, client.ID, change)
		stored, err := f.Admin.Client(t.Context(), client.ID)
		must(t, err)
		same(t, "the client", stored, client)
		fresh, err := replica.Client(t.Context(), client.ID)
		must(t, err)
		same(t, "a replica's client", ForProtocol(fresh), ForProtocol(client))
		if got, want := thumbprints(t, stored.Keys), thumbprints(t, client.Keys); got != want {
			t.Errorf("the keys are %q, and should be %q", got, want)
		}
	}
}

func thumbprints(t *testing.T, keys []jose.JSONWebKey) (all string) {
	t.Helper()
	for _, key := range keys {
		text, err := key.MarshalJSON()
		must(t, err)
		all += string(text)
	}
	return all
}

func testClientOfSecret(t *testing.T, f *fixture) {
	f.plant(t)
	client, text := f.client("Robot")
	client.Secrets[0].StoppedAt = f.start
	must(t, f.Admin.CreateClient(t.Context(), client, f.event("credential.created", client.ID)))
	f.create(t, "Other")

	id, err := f.Admin.ClientOfSecret(t.Context(), text.Hash())
	must(t, err)
	if id != client.ID {
		t.Errorf("the secret belongs to %q", id)
	}
	_, err = f.Admin.ClientOfSecret(t.Context(), oauth.NewPlaintext("guess").Hash())
	wraps(t, "an unknown secret", err, oauth.ErrNotFound)
	f.update(t, client.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	_, err = f.Admin.ClientOfSecret(t.Context(), text.Hash())
	wraps(t, "a deleted client's secret", err, oauth.ErrNotFound)
}

func testAnswers(t *testing.T, f *fixture) {
	const keep = 3
	claimOf := func(id byte, attempt string, end time.Duration) admin.KeptAnswer {
		claim := admin.KeptAnswer{ID: make([]byte, 32), Actor: "client:a", Fingerprint: []byte{id}, Attempt: attempt, ExpiresAt: f.start.Add(end)}
		claim.ID[0] = id
		return claim
	}
	claim := func(claim admin.KeptAnswer, at time.Duration) admin.KeptAnswer {
		t.Helper()
		stored, err := f.Admin.ClaimAnswer(t.Context(), claim, f.start.Add(at), keep)
		must(t, err)
		return stored
	}
	first, second := claimOf(1, "first", time.Minute), claimOf(1, "second", 2*time.Minute)
	second.Fingerprint = []byte("another")
	same(t, "a claim", claim(first, 0), first)
	same(t, "a claim that is taken", claim(second, time.Second), first)
	first.Answer, first.ExpiresAt = []byte{0, 1, 2}, f.start.Add(time.Hour)
	must(t, f.Admin.KeepAnswer(t.Context(), first))
	same(t, "what was answered", claim(second, 59*time.Minute), first)
	second.ExpiresAt = f.start.Add(2 * time.Hour)
	same(t, "a claim after the end", claim(second, time.Hour), second)

	// Who has lost a claim can neither answer it nor give it up.
	wraps(t, "keeping for a lost claim", f.Admin.KeepAnswer(t.Context(), first), oauth.ErrNotFound)
	must(t, f.Admin.DropAnswer(t.Context(), first))
	same(t, "the claim of another", claim(first, time.Hour), second)
	must(t, f.Admin.DropAnswer(t.Context(), second))
	first.Answer, first.ExpiresAt = nil, f.start.Add(3*time.Hour)
	same(t, "a claim that was given up", claim(first, time.Hour), first)

	// An actor's oldest answers go when it has too many, and nobody else's.
	other := claimOf(99, "other", 2*time.Hour)
	other.Actor, other.Answer = "client:b", []byte("kept")
	claim(other, time.Hour)
	must(t, f.Admin.KeepAnswer(t.Context(), other))
	for i := range byte(10) {
		mine := claimOf(10+i, "mine", 2*time.Hour+time.Duration(i)*time.Second)
		claim(mine, time.Hour)
		mine.Answer = []byte("kept")
		must(t, f.Admin.KeepAnswer(t.Context(), mine))
	}
	again := claimOf(10, "again", 2*time.Hour)
	if stored := claim(again, time.Hour); stored.Attempt != "again" {
		t.Error("the oldest of ten answers is kept, and three are to be")
	}
	if stored := claim(claimOf(19, "again", 2*time.Hour), time.Hour); stored.Attempt != "mine" {
		t.Error("the newest of ten answers is gone")
	}
	same(t, "another actor's answer", claim(claimOf(99, "again", 2*time.Hour), time.Hour), other)
}

func testAnswersAtOnce(t *testing.T, f *fixture) {
	for round := range byte(3) {
		now := f.start.Add(time.Duration(round) * time.Hour)
		won := atOnce(t, 50, func(int) (bool, error) {
			mine := admin.KeptAnswer{
				ID: make([]byte, 32), Actor: "client:a", Fingerprint: []byte{1},
				Attempt: oauth.NewID("try"), ExpiresAt: now.Add(time.Minute),
			}
			mine.ID[0] = round / 2 // The third time the claim is new, and the second time it has ended.
			stored, err := f.Admin.ClaimAnswer(t.Context(), mine, now, 10)
			return stored.Attempt == mine.Attempt, err
		})
		if won != 1 {
			t.Errorf("round %d: %d of 50 have the one claim", round, won)
		}
	}
}
