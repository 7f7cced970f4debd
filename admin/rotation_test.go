package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// secretsAt makes a client of secrets written as words: "b", "a until +1h", "a expires +1h", "a stopped", the newest
// first. The last is made an hour before noon, each other a minute after it.
func secretsAt(t *testing.T, noon time.Time, status oauth.Status, words ...string) *oauth.Client {
	t.Helper()
	client := &oauth.Client{Status: status, AuthMethod: oauth.AuthSecret}
	for i, text := range words {
		parts := strings.Fields(text)
		secret := oauth.Secret{ID: parts[0], CreatedAt: noon.Add(-time.Hour + time.Duration(len(words)-i)*time.Minute)}
		for i := 1; i < len(parts); i++ {
			if parts[i] == "stopped" {
				secret.StoppedAt = noon.Add(-time.Minute)
				continue
			}
			after, err := time.ParseDuration(parts[i+1])
			if err != nil {
				t.Fatal(err)
			}
			*map[string]*time.Time{"until": &secret.StopsAt, "expires": &secret.ExpiresAt}[parts[i]] = noon.Add(after)
			i++
		}
		client.Secrets = append(client.Secrets, secret)
	}
	return client
}

// inWords writes the secrets that are usable at a time as secretsAt reads them, and the others by their id and a bar.
func inWords(client *oauth.Client, noon, now time.Time) []string {
	words := []string{}
	for _, secret := range client.Secrets {
		text := secret.ID
		if !secret.Usable(now) {
			text += " |"
		} else if !secret.StopsAt.IsZero() {
			text += fmt.Sprintf(" until +%s", shortly(secret.StopsAt.Sub(noon)))
		}
		words = append(words, text)
	}
	return words
}

func shortly(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

func TestRotationRules(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return noon.Add(d) }
	rotateTo := func(stopsAt time.Time) func(*oauth.Client, time.Time) error {
		return func(client *oauth.Client, now time.Time) error {
			return rotate(client, oauth.Secret{ID: "n", CreatedAt: now}, stopsAt, now)
		}
	}
	move := func(id string, stopsAt time.Time) func(*oauth.Client, time.Time) error {
		return func(client *oauth.Client, now time.Time) error { return moveDeadline(client, id, stopsAt, now) }
	}
	stopping := func(id string) func(*oauth.Client, time.Time) error {
		return func(client *oauth.Client, now time.Time) error { return stop(client, id, now) }
	}
	const active, inactive = oauth.StatusActive, oauth.StatusInactive
	for name, test := range map[string]struct {
		status oauth.Status
		before []string
		act    func(*oauth.Client, time.Time) error
		err    error
		after  []string
	}{
		"rotate":                            {active, []string{"a"}, rotateTo(in(time.Hour)), nil, []string{"n", "a until +1h"}},
		"rotate without overlap":            {active, []string{"a"}, rotateTo(noon), nil, []string{"n", "a |"}},
		"rotate while rotating":             {active, []string{"b", "a until +1h"}, rotateTo(in(time.Hour)), ErrTwoSecrets, nil},
		"rotate after the deadline":         {active, []string{"b", "a until 0s"}, rotateTo(in(time.Hour)), nil, []string{"n", "b until +1h", "a |"}},
		"rotate what has expired":           {active, []string{"a expires -1s"}, rotateTo(in(time.Hour)), nil, []string{"n", "a |"}},
		"rotate none":                       {inactive, nil, rotateTo(in(time.Hour)), nil, []string{"n"}},
		"rotate when the newer has expired": {active, []string{"b expires 0s", "a until +1h"}, rotateTo(in(2 * time.Hour)), nil, []string{"n", "b |", "a until +2h"}},

		"postpone":                {active, []string{"b", "a until +1h"}, move("a", in(2*time.Hour)), nil, []string{"b", "a until +2h"}},
		"bring forward":           {active, []string{"b", "a until +2h"}, move("a", in(time.Hour)), nil, []string{"b", "a until +1h"}},
		"complete":                {active, []string{"b", "a until +2h"}, move("a", noon), nil, []string{"b", "a |"}},
		"complete by the past":    {active, []string{"b", "a until +2h"}, move("a", in(-time.Hour)), nil, []string{"b", "a |"}},
		"move the current":        {active, []string{"b", "a until +2h"}, move("b", in(time.Hour)), ErrNotPrevious, nil},
		"move the only":           {active, []string{"a"}, move("a", in(time.Hour)), ErrNotPrevious, nil},
		"move what has ended":     {active, []string{"b", "a until -1s"}, move("a", in(time.Hour)), ErrNotPrevious, nil},
		"move what is unknown":    {active, []string{"a"}, move("x", in(time.Hour)), oauth.ErrNotFound, nil},
		"revive what was stopped": {active, []string{"b", "a until +1h stopped"}, move("a", in(time.Hour)), ErrNotPrevious, nil},

		"stop the previous":          {active, []string{"b", "a until +1h"}, stopping("a"), nil, []string{"b", "a |"}},
		"take back":                  {active, []string{"b", "a until +1h"}, stopping("b"), nil, []string{"b |", "a"}},
		"stop the last":              {active, []string{"b stopped", "a"}, stopping("a"), ErrLastSecret, nil},
		"stop the last, inactive":    {inactive, []string{"a"}, stopping("a"), nil, []string{"a |"}},
		"stop what has ended":        {active, []string{"b", "a until -1s"}, stopping("a"), nil, []string{"b", "a |"}},
		"stop what has, of the last": {active, []string{"b", "a stopped"}, stopping("a"), nil, []string{"b", "a |"}},
		"stop what is unknown":       {active, []string{"a"}, stopping("x"), oauth.ErrNotFound, nil},

		"a clock behind made the newer": {active, []string{"a until +1h", "b"}, stopping("b"), nil, []string{"a", "b |"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := secretsAt(t, noon, test.status, test.before...)
			untouched := slices.Clone(client.Secrets)
			held := client.Secrets
			if err := test.act(client, noon); !errors.Is(err, test.err) {
				t.Fatalf("answered %v, want %v", err, test.err)
			}
			if !slices.Equal(held, untouched) {
				t.Error("a rule worked on the slice that others may hold")
			}
			if test.err != nil {
				if !slices.Equal(client.Secrets, untouched) {
					t.Errorf("refused, and yet it is %v", inWords(client, noon, noon))
				}
				return
			}
			if got := inWords(client, noon, noon); !slices.Equal(got, test.after) {
				t.Errorf("it is %q, want %q", got, test.after)
			}
		})
	}
}

// TestEndedStaysEnded: what was ended at once is not revived by a clock that is behind.
func TestEndedStaysEnded(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for name, act := range map[string]func(*oauth.Client) error{
		"rotated": func(c *oauth.Client) error { return rotate(c, oauth.Secret{ID: "n", CreatedAt: noon}, noon, noon) },
		"moved":   func(c *oauth.Client) error { return moveDeadline(c, "a", noon, noon) },
		"stopped": func(c *oauth.Client) error { return stop(c, "a", noon) },
	} {
		words := []string{"b", "a until +1h"}
		if name == "rotated" {
			words = []string{"a"}
		}
		client := secretsAt(t, noon, oauth.StatusActive, words...)
		if err := act(client); err != nil {
			t.Fatal(err)
		}
		if client.Secrets[indexOfSecret(client, "a")].Usable(noon.Add(-time.Minute)) {
			t.Errorf("%s: a minute earlier it is usable", name)
		}
	}
}

// TestDeadSecretsAreForgotten: of the dead the last ten are kept, and the living always.
func TestDeadSecretsAreForgotten(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	client := &oauth.Client{Status: oauth.StatusActive}
	for i := range 30 {
		now = now.Add(time.Minute)
		fresh := oauth.Secret{ID: fmt.Sprint(i), CreatedAt: now}
		if err := rotate(client, fresh, now.Add(time.Second), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(client.Secrets); n != maxDeadSecrets+2 || client.Secrets[0].ID != "29" || client.Secrets[n-1].ID != "18" {
		t.Errorf("%d secrets are kept, from %s to %s", n, client.Secrets[0].ID, client.Secrets[n-1].ID)
	}
}
