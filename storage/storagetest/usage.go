package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

func testUsage(t *testing.T, f *fixture) {
	f.plant(t)
	client, other := f.create(t, "Robot"), f.create(t, "Other")
	secret, today := client.Secrets[0].ID, oauth.DayOf(f.start)
	usages, err := f.Admin.Usages(t.Context(), []string{client.ID, "cid_none", "\x00"}, today)
	must(t, err)
	same(t, "the usage of a new client", usages, map[string]admin.ClientUsage{client.ID: {}})

	late, early := f.start.Add(time.Hour), f.start
	refusal := oauth.Refusal{
		ID: "ref_one", ClientID: client.ID, SecretID: secret, At: late, From: "192.0.2.1", Code: oauth.InvalidScope,
		Reason: oauth.ReasonNotGranted, Detail: "profile:x is not granted", Scope: "profile:x",
		Resources: []string{"https://a.example"}, Missing: "profile:x",
	}
	f.addUsage(t, oauth.Usage{
		Clients: []oauth.ClientUse{{ClientID: client.ID, IssuedAt: late, IssuedTo: "192.0.2.1",
			Refused: oauth.LastRefusal{At: late, Code: refusal.Code, Reason: refusal.Reason, Missing: "profile:x"}}},
		Secrets: []oauth.SecretUse{{ClientID: client.ID, SecretID: secret, At: late, From: "192.0.2.1"}},
		Days: []oauth.DayUse{
			{ClientID: client.ID, SecretID: secret, Day: today, Outcome: oauth.OutcomeIssued, Count: 3},
			{ClientID: client.ID, SecretID: secret, Day: today, Outcome: "not_granted", Count: 1},
			{ClientID: client.ID, Day: today - 13, Outcome: oauth.OutcomeIssued, Count: 5},
			{ClientID: client.ID, Day: today - 14, Outcome: oauth.OutcomeIssued, Count: 7},
		},
		Permissions: []oauth.PermissionUse{{ClientID: client.ID, Scope: "profile:read", AskedAt: early, IncludedAt: late}},
		Refusals:    []oauth.Refusal{refusal},
	})
	// What another replica noted earlier counts, and is not the last.
	f.addUsage(t, oauth.Usage{
		Clients: []oauth.ClientUse{
			{ClientID: other.ID, Refused: oauth.LastRefusal{At: late, Code: oauth.InvalidClient}},
			{ClientID: client.ID, IssuedAt: early, IssuedTo: "192.0.2.9", Refused: oauth.LastRefusal{At: early}},
		},
		Secrets: []oauth.SecretUse{{ClientID: client.ID, SecretID: secret, At: early, From: "192.0.2.9"}},
		Days: []oauth.DayUse{
			{ClientID: client.ID, SecretID: secret, Day: today, Outcome: oauth.OutcomeIssued, Count: 4},
		},
		Permissions: []oauth.PermissionUse{
			{ClientID: client.ID, Scope: "profile:read", IncludedAt: early},
			{ClientID: client.ID, Scope: "profile:write", AskedAt: early},
		},
	})
	usages, err = f.Admin.Usages(t.Context(), []string{client.ID, other.ID}, today)
	must(t, err)
	used := admin.ClientUsage{
		IssuedAt: late,
		Refused:  oauth.LastRefusal{At: late, Code: oauth.InvalidScope, Reason: oauth.ReasonNotGranted, Missing: "profile:x"},
		Secrets:  map[string]oauth.SecretUse{secret: {ClientID: client.ID, SecretID: secret, At: late, From: "192.0.2.1"}},
	}
	used.Daily[0], used.Daily[13] = 5, 7
	same(t, "the usages", usages, map[string]admin.ClientUsage{
		client.ID: used, other.ID: {Refused: oauth.LastRefusal{At: late, Code: oauth.InvalidClient}},
	})
	// Bookkeeping survives a change of the secrets, which stores all of them anew.
	f.update(t, client.ID, func(client *oauth.Client) {
		secret, _ := oauth.NewSecret(f.start, "somebody")
		client.Secrets = append(client.Secrets, secret)
	})
	detail, err := f.Admin.Usage(t.Context(), client.ID, today)
	must(t, err)
	same(t, "the detail", detail, &admin.UsageDetail{
		Days: []oauth.DayUse{
			{ClientID: client.ID, SecretID: secret, Day: today, Outcome: oauth.OutcomeIssued, Count: 7},
			{ClientID: client.ID, SecretID: secret, Day: today, Outcome: "not_granted", Count: 1},
		},
		Refusals: []oauth.Refusal{refusal},
		Permissions: []oauth.PermissionUse{
			{ClientID: client.ID, Scope: "profile:read", AskedAt: early, IncludedAt: late},
			{ClientID: client.ID, Scope: "profile:write", AskedAt: early},
		},
	})
	usages, err = f.Admin.Usages(t.Context(), []string{client.ID}, today)
	must(t, err)
	same(t, "the usage after a change", usages[client.ID], used)
}

// addUsage adds a batch that was never added.
func (f *fixture) addUsage(t testing.TB, batch oauth.Usage) {
	t.Helper()
	batch.ID = oauth.NewID("use")
	must(t, f.Usage.AddUsage(t.Context(), &batch))
}

func testUsageOnce(t *testing.T, f *fixture) {
	f.plant(t)
	client, events := f.create(t, "Robot"), f.events(t)
	batch := &oauth.Usage{ID: "use_one",
		Clients: []oauth.ClientUse{{ClientID: client.ID, IssuedAt: f.start}},
		Days:    []oauth.DayUse{{ClientID: client.ID, Day: 20000, Outcome: oauth.OutcomeIssued, Count: 3}},
	}
	for range 3 {
		must(t, f.Usage.AddUsage(t.Context(), batch))
	}
	detail, err := f.Admin.Usage(t.Context(), client.ID, 0)
	must(t, err)
	if len(detail.Days) != 1 || detail.Days[0].Count != 3 {
		t.Errorf("one batch of 3, added three times, is %+v", detail.Days)
	}
	if f.events(t) != events {
		t.Error("bookkeeping left an event")
	}
}

// testUsageOfReplicas has several replicas add to the same clients, each in an order of its own, while the clients
// are changed.
func testUsageOfReplicas(t *testing.T, f *fixture) {
	f.plant(t)
	const replicas, rounds, clients, refusals = 4, 6, 12, 9
	var ids []string
	for i := range clients {
		ids = append(ids, f.create(t, fmt.Sprintf("Robot %d", i)).ID)
	}
	day := oauth.DayOf(f.start)
	var group errgroup.Group
	for r := range replicas {
		group.Go(func() error {
			for round := range rounds {
				batch := &oauth.Usage{ID: oauth.NewID("use")}
				for _, i := range rand.Perm(clients) {
					id, at := ids[i], f.start.Add(time.Duration(round*replicas+r)*time.Second)
					batch.Clients = append(batch.Clients, oauth.ClientUse{ClientID: id, IssuedAt: at})
					batch.Secrets = append(batch.Secrets, oauth.SecretUse{ClientID: id, SecretID: "sec", At: at})
					batch.Permissions = append(batch.Permissions, oauth.PermissionUse{ClientID: id, Scope: "a:b", AskedAt: at})
					batch.Days = append(batch.Days, oauth.DayUse{ClientID: id, Day: day, Outcome: oauth.OutcomeIssued, Count: 2})
					for n := range refusals {
						batch.Refusals = append(batch.Refusals, oauth.Refusal{
							ID: oauth.NewID("ref"), ClientID: id, At: at.Add(time.Duration(n) * time.Millisecond),
						})
					}
				}
				if err := whileUnavailable(func() error { return f.Usage.AddUsage(t.Context(), batch) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for _, id := range ids {
			err := whileUnavailable(func() error {
				return f.Admin.UpdateClient(t.Context(), id, func(client *oauth.Client) (*admin.Event, error) {
					client.Note += "."
					event := f.event("credential.changed", id)
					return &event, nil
				})
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	must(t, group.Wait())
	last := f.start.Add((rounds*replicas - 1) * time.Second)
	usages, err := f.Admin.Usages(t.Context(), ids, day)
	must(t, err)
	var issued int64
	for _, id := range ids {
		usage := usages[id]
		issued += usage.Daily[13]
		detail, err := f.Admin.Usage(t.Context(), id, day)
		must(t, err)
		if len(detail.Refusals) != oauth.KeptRefusals {
			t.Errorf("%d refusals are kept", len(detail.Refusals))
		}
		if !usage.IssuedAt.Equal(last) || !usage.Secrets["sec"].At.Equal(usage.IssuedAt) ||
			!detail.Permissions[0].AskedAt.Equal(usage.IssuedAt) {
			t.Errorf("last used: %v, %v, %v", usage.IssuedAt, usage.Secrets["sec"].At, detail.Permissions[0].AskedAt)
		}
	}
	if want := int64(2 * replicas * rounds * clients); issued != want {
		t.Errorf("%d tokens are counted; want %d", issued, want)
	}
}

// whileUnavailable tries again, as a ledger does, when so many writers keep a busy machine waiting for too long.
func whileUnavailable(try func() error) error {
	for {
		if err := try(); !errors.Is(err, oauth.ErrUnavailable) {
			return err
		}
	}
}

func testUsageOfTombstones(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	batch := oauth.Usage{
		Clients: []oauth.ClientUse{{ClientID: client.ID, IssuedAt: f.start}},
		Secrets: []oauth.SecretUse{{ClientID: client.ID, SecretID: client.Secrets[0].ID, At: f.start}},
		Days:    []oauth.DayUse{{ClientID: client.ID, Day: 20000, Outcome: oauth.OutcomeIssued, Count: 1}},
	}
	f.addUsage(t, batch)
	f.update(t, client.ID, func(client *oauth.Client) { client.Status = oauth.StatusDeleted })
	detail, err := f.Admin.Usage(t.Context(), client.ID, 0)
	must(t, err)
	same(t, "the usage of a tombstone", detail, &admin.UsageDetail{})

	f.addUsage(t, batch) // It was gathered before, and arrives late.
	usages, err := f.Admin.Usages(t.Context(), []string{client.ID}, 20000)
	must(t, err)
	same(t, "the usage of a tombstone", usages, map[string]admin.ClientUsage{})
}

func testUsagePruned(t *testing.T, f *fixture) {
	f.plant(t)
	client := f.create(t, "Robot")
	batch := oauth.Usage{Clients: []oauth.ClientUse{{ClientID: client.ID, IssuedAt: f.start}}}
	for day := oauth.Day(20000); day < 20010; day++ {
		batch.Days = append(batch.Days, oauth.DayUse{ClientID: client.ID, Day: day, Outcome: oauth.OutcomeIssued, Count: 1})
		batch.Refusals = append(batch.Refusals, oauth.Refusal{ID: oauth.NewID("ref"), ClientID: client.ID, At: day.Start()})
	}
	f.addUsage(t, batch)
	for _, want := range []bool{true, true, false, false} { // 7 rows, 3 at a time.
		more, err := f.Usage.PruneUsage(t.Context(), 20007, 3)
		must(t, err)
		if more != want {
			t.Errorf("more is left: %v, want %v", more, want)
		}
	}
	detail, err := f.Admin.Usage(t.Context(), client.ID, 0)
	must(t, err)
	if len(detail.Days) != 3 || len(detail.Refusals) != 3 || detail.Days[0].Day != 20007 {
		t.Errorf("what is left is %+v", detail)
	}
}
