package storagetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// testDeniedTokens: what is denied, every replica knows at once; it leaves an event, once; and what has expired is
// forgotten. Of too many of one client all end.
func testDeniedTokens(t *testing.T, f *fixture) {
	f.plant(t)
	replica, other := f.Replica(t), f.Replica(t)
	client, bystander := f.create(t, "Robot"), f.create(t, "Bystander")
	at := f.start
	deny := func(client *oauth.Client, id string) {
		t.Helper()
		must(t, f.Revocations.DenyToken(t.Context(), oauth.RevokedToken{
			ID: id, Client: client, ExpiresAt: at.Add(time.Hour), At: at, Address: "192.0.2.1", RequestID: "req",
		}))
	}
	denied := func() oauth.DeniedTokens {
		t.Helper()
		for _, replica := range []oauth.Store{replica, other} {
			must(t, replica.Refresh(t.Context()))
		}
		same(t, "another replica's list", other.Denied(), replica.Denied())
		return replica.Denied()
	}
	events := f.events(t)
	deny(client, "one")
	deny(client, "one")
	deny(bystander, "two")
	same(t, "the denied tokens", denied(), oauth.DeniedTokens{"one": at.Add(time.Hour), "two": at.Add(time.Hour)})
	if n := f.events(t) - events; n != 2 {
		t.Errorf("two tokens left %d events", n)
	}

	place, bystanding := placeOf(t, replica, client.ID), placeOf(t, replica, bystander.ID)
	for i := range 99 {
		deny(client, fmt.Sprint("more ", i))
	}
	if n := len(denied()); n != 101 || statusAt(t, replica, place) != oauth.TokensValid {
		t.Errorf("%d tokens are denied, and the client's have ended: %d", n, statusAt(t, replica, place))
	}
	deny(client, "too many")
	same(t, "the denied tokens", denied(), oauth.DeniedTokens{"two": at.Add(time.Hour)})
	if statusAt(t, other, place) != oauth.TokensInvalid || placeOf(t, other, client.ID) == place {
		t.Error("after too many the client's tokens have not ended")
	}
	if statusAt(t, other, bystanding) != oauth.TokensValid {
		t.Error("another client's tokens have ended too")
	}

	at = at.Add(2 * time.Hour)
	deny(client, "later")
	same(t, "what has not expired", denied(), oauth.DeniedTokens{"later": at.Add(time.Hour)})
}
