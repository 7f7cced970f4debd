package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// fixedStore is a Store of which nothing changes.
type fixedStore struct {
	clients map[string]*Client
	catalog *Catalog
	keyring *Keyring
}

func (s *fixedStore) Client(_ context.Context, id string) (*Client, error) {
	if client, known := s.clients[id]; known {
		return client, nil
	}
	return nil, ErrNotFound
}
func (s *fixedStore) Known(ctx context.Context, id string) (*Client, error) { return s.Client(ctx, id) }
func (s *fixedStore) Denied() DeniedTokens                                  { return nil }
func (s *fixedStore) Epoch(context.Context) (int64, error)                  { return 1, nil }
func (*fixedStore) Refused(context.Context, *Client) error                  { return nil }

func (s *fixedStore) Retired(context.Context, int64) (map[int64]TokenStatus, int64, error) {
	return nil, 1, nil
}
func (s *fixedStore) Refresh(context.Context) error { return nil }
func (s *fixedStore) Catalog() *Catalog             { return s.catalog }
func (s *fixedStore) AccountsOf(_ context.Context, workspaces []string) (map[string]string, error) {
	accounts := make(map[string]string)
	for _, id := range workspaces {
		if id == "ws_10" || id == "ws_11" {
			accounts[id] = "acc_1"
		}
		if id == "ws_20" {
			accounts[id] = "acc_2"
		}
	}
	return accounts, nil
}
func (s *fixedStore) Keyring() *Keyring { return s.keyring }

var testTime = time.Date(2026, 11, 23, 23, 59, 59, 0, time.UTC)

// testIssuer makes an Issuer at testTime that knows one client, and its secret's text.
func testIssuer(t testing.TB, client *Client, closed ...string) (*Issuer, Plaintext) {
	t.Helper()
	key, err := NewSigningKey(LocalKeys{}, jose.ES256, testTime, testTime)
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := NewKeyring([]SigningKey{key})
	if err != nil {
		t.Fatal(err)
	}
	secret, text := NewSecret(testTime, "test")
	client.Secrets = append([]Secret{secret}, client.Secrets...)
	issuer, err := NewIssuer(Config{
		URL: "https://latchkey.example", MaxLifetime: time.Hour, Algorithm: jose.ES256, Now: func() time.Time { return testTime },
		Store:   &fixedStore{map[string]*Client{client.ID: client}, testCatalog(closed...), keyring},
		Replays: bearer.NewReplayMemory(1000, func() time.Time { return testTime }),
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer, text
}

func activeClient() *Client {
	client := testClient()
	client.Status, client.AuthMethod = StatusActive, AuthSecret
	return client
}

// request asks for a token as the endpoint does.
func request(t testing.TB, issuer *Issuer, proof Proof, scope string, resources ...string) (Token, error) {
	caller, err := issuer.Authenticate(t.Context(), proof)
	var token Token
	if err == nil {
		token, err = issuer.Issue(t.Context(), caller, Request{Scope: Scope(strings.Fields(scope)), Resources: resources})
	}
	issuer.Record(caller, proof.From, Asked{Scope: scope, Resources: resources}, token, err)
	return token, err
}

// usageSink keeps the batches it is given, or refuses them.
type usageSink struct {
	batches []*Usage
	refusal error
}

func (s *usageSink) AddUsage(_ context.Context, batch *Usage) error {
	if s.refusal == nil {
		s.batches = append(s.batches, batch)
	}
	return s.refusal
}

func (*usageSink) PruneUsage(context.Context, Day, int) (bool, error) { return false, nil }

// flushed answers what one flush makes of the ledger, which must be one batch.
func flushed(t testing.TB, ledger *Ledger) *Usage {
	t.Helper()
	var sink usageSink
	if err := ledger.Flush(t.Context(), &sink); err != nil {
		t.Fatal(err)
	}
	if len(sink.batches) != 1 {
		t.Fatalf("%d batches", len(sink.batches))
	}
	return sink.batches[0]
}

func TestLedgerNotesWhatWasAskedAndWhatCameOfIt(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	from := netip.MustParseAddr("::ffff:192.0.2.1")
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, From: from}
	wrong := proof
	wrong.Secret = NewPlaintext("guess")
	for _, ask := range []struct {
		proof     Proof
		scope     string
		resources []string
	}{
		{proof, "", nil},
		{proof, "events:write", nil},
		{proof, "events:write billing:all gone:all", []string{"https://a.example", "https://b.example"}},
		{wrong, "\x00\u202e" + strings.Repeat("x", 1000), nil},
	} {
		request(t, issuer, ask.proof, ask.scope, ask.resources...)
	}
	stranger := wrong
	stranger.ClientID = "cid_nobody"
	request(t, issuer, stranger, "")

	secret, day := client.Secrets[0].ID, DayOf(testTime)
	want := &Usage{
		Clients: []ClientUse{{ClientID: client.ID, IssuedAt: testTime, IssuedTo: "192.0.2.1",
			Refused: LastRefusal{At: testTime, Code: InvalidClient, Reason: ReasonSecret}}},
		Secrets: []SecretUse{{ClientID: client.ID, SecretID: secret, At: testTime, From: "192.0.2.1"}},
		Days: []DayUse{
			{ClientID: client.ID, SecretID: secret, Day: day, Outcome: OutcomeIssued, Count: 2},
			{ClientID: client.ID, SecretID: secret, Day: day, Outcome: "not_granted", Count: 1},
			{ClientID: client.ID, Day: day, Outcome: "wrong_secret", Count: 1},
		},
		Permissions: []PermissionUse{
			{ClientID: client.ID, Scope: "profile:read", IncludedAt: testTime},
			{ClientID: client.ID, Scope: "events:read", IncludedAt: testTime},
			{ClientID: client.ID, Scope: "events:write", AskedAt: testTime, IncludedAt: testTime},
			{ClientID: client.ID, Scope: "billing:admin", IncludedAt: testTime},
		},
		Refusals: []Refusal{
			{ClientID: client.ID, SecretID: secret, At: testTime, From: "192.0.2.1", Code: InvalidScope, Reason: ReasonNotGranted,
				Detail: `billing:all is not granted; gone:all is granted, but the API "gone" is inactive`,
				Scope:  "events:write billing:all gone:all", Resources: []string{"https://a.example", "https://b.example"},
				Missing: "billing:all gone:all"},
			{ClientID: client.ID, At: testTime, From: "192.0.2.1", Code: InvalidClient, Reason: ReasonSecret,
				Detail: "wrong secret", Scope: "\uFFFD\uFFFD" + strings.Repeat("x", maxAskedChars-3) + "…"},
		},
	}
	got := flushed(t, issuer.Ledger())
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Usage{}, "ID"), cmpopts.IgnoreFields(Refusal{}, "ID")); diff != "" {
		t.Errorf("the batch differs (-want +got):\n%s", diff)
	}
	if issuer.Ledger().Unknown() != 1 || issuer.Ledger().Lost() != 0 {
		t.Errorf("%d unknown, %d lost", issuer.Ledger().Unknown(), issuer.Ledger().Lost())
	}
}

func TestLedgerIsBounded(t *testing.T) {
	issuer, _ := testIssuer(t, activeClient())
	ledger, refusal := issuer.Ledger(), &Error{Code: InvalidClient, Reason: ReasonSecret}
	const clients = 3 * ledgerShards * shardClients / 2
	for i := range clients {
		ledger.refused(&Client{ID: fmt.Sprint("cid_", i)}, nil, netip.Addr{}, Asked{}, refusal, testTime)
	}
	one := &Client{ID: "cid_0"}
	for range 10 * clientRefusals {
		ledger.refused(one, nil, netip.Addr{}, Asked{}, refusal, testTime)
	}
	var sink usageSink
	if err := ledger.Flush(t.Context(), &sink); err != nil {
		t.Fatal(err)
	}
	kept, refusals := 0, 0
	for _, batch := range sink.batches {
		kept, refusals = kept+len(batch.Clients), refusals+len(batch.Refusals)
		if len(batch.Clients) > batchClients {
			t.Errorf("a batch of %d clients", len(batch.Clients))
		}
	}
	if kept > ledgerShards*shardClients || kept < ledgerShards*shardClients*9/10 || refusals > ledgerShards*shardRefusals {
		t.Errorf("%d clients and %d refusals are kept", kept, refusals)
	}
	if lost := int(ledger.Lost()); lost < clients-kept {
		t.Errorf("%d notes are said to be lost", lost)
	}
}

func TestLedgerKeepsTheLastRefusals(t *testing.T) {
	ledger := NewLedger()
	for i := range clientRefusals + 7 {
		ledger.refused(&Client{ID: "cid"}, nil, netip.Addr{}, Asked{Scope: fmt.Sprint(i)}, &Error{Code: InvalidScope}, testTime)
	}
	seen := make(map[string]bool)
	for _, told := range flushed(t, ledger).Refusals {
		seen[told.Scope] = true
	}
	if len(seen) != clientRefusals || seen["6"] || !seen["7"] || !seen[fmt.Sprint(clientRefusals+6)] {
		t.Errorf("kept are %v", seen)
	}
}

func TestLedgerKeepsWhatAnUnavailableStoreDoesNotTake(t *testing.T) {
	ledger, client := NewLedger(), &Client{ID: "cid"}
	issue := func() { ledger.issued(Caller{Client: client}, false, nil, testTime) }
	sink := &usageSink{refusal: fmt.Errorf("down: %w", ErrUnavailable)}
	issue()
	for range 3 {
		if err := ledger.Flush(t.Context(), sink); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("a flush to a store that is down answered %v", err)
		}
		issue()
	}
	sink.refusal = nil
	if err := ledger.Flush(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
	if len(sink.batches) != 2 || sink.batches[0].Days[0].Count != 1 || sink.batches[1].Days[0].Count != 3 || ledger.Lost() != 0 {
		t.Errorf("%d batches, %d lost", len(sink.batches), ledger.Lost())
	}
	// What can never be stored does not hold up the rest.
	issue()
	sink.refusal = errors.New("a fault of ours")
	if err := ledger.Flush(t.Context(), sink); err == nil || ledger.Lost() != 1 {
		t.Errorf("a refused batch answered %v, and %d are lost", err, ledger.Lost())
	}
	sink.refusal = nil
	if err := ledger.Flush(t.Context(), sink); err != nil || len(sink.batches) != 2 {
		t.Errorf("a refused batch came again: %v", err)
	}
}

func TestLedgerCountsEverythingAtOnce(t *testing.T) {
	ledger, sink := NewLedger(), &usageSink{}
	const callers, tokens = 8, 2000
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range tokens {
				client := &Client{ID: fmt.Sprint("cid_", (i+caller)%10)}
				ledger.issued(Caller{Client: client, Secret: &Secret{ID: "sec"}}, true, Scope{"a:b", "c:d"}, testTime)
				if i%100 == 0 {
					ledger.Flush(t.Context(), sink)
				}
			}
		})
	}
	group.Wait()
	if err := ledger.Flush(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
	var counted int64
	for _, batch := range sink.batches {
		for _, day := range batch.Days {
			counted += day.Count
		}
	}
	if counted != callers*tokens {
		t.Errorf("%d of %d tokens are counted", counted, callers*tokens)
	}
}

// TestRefusalsAreAlikeToTheCaller holds that only the ledger tells the refusals of an authentication apart, and that
// a preview gives the reason of the real request.
func TestRefusalsAreAlikeToTheCaller(t *testing.T) {
	for want, test := range map[Reason]struct {
		change func(*Client, *Proof)
		closed string
		shown  Reason // By a preview, if it differs.
	}{
		ReasonAuthMethod:     {change: func(c *Client, _ *Proof) { c.AuthMethod = "other" }, shown: "-"},
		ReasonSecret:         {change: func(_ *Client, p *Proof) { p.Secret = NewPlaintext("guess") }, shown: "-"},
		ReasonEndedSecret:    {change: func(c *Client, _ *Proof) { c.Secrets[0].StoppedAt = testTime }, shown: ReasonNoUsableSecret},
		ReasonInactiveClient: {change: func(c *Client, _ *Proof) { c.Status = StatusInactive }},
		ReasonInactiveOrg:    {closed: "org_a", change: func(*Client, *Proof) {}},
		ReasonNetwork:        {change: func(c *Client, _ *Proof) { c.AllowedCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }},
	} {
		client := activeClient()
		issuer, text := testIssuer(t, client, test.closed)
		proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, From: netip.MustParseAddr("192.0.2.1")}
		test.change(client, &proof)
		_, err := request(t, issuer, proof, "")
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != InvalidClient || refusal.Description != "client authentication failed" {
			t.Errorf("%s: the caller was told %v", want, err)
		}
		if got := flushed(t, issuer.Ledger()).Days[0].Outcome; got != string(want) {
			t.Errorf("%s is noted as %s", want, got)
		}
		_, err = issuer.Preview(t.Context(), client.ID, proof.From, Request{})
		if test.shown == "" {
			test.shown = want
		}
		if shown := errors.As(err, &refusal); shown && refusal.Reason != test.shown || shown == (test.shown == "-") {
			t.Errorf("%s: a preview says %v", want, err)
		}
	}
}

func TestGrantSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		asked   Request
		closed  []string
		reason  Reason
		missing Scope
	}{
		"not granted":       {Request{Scope: Scope{"events:read", "profile:write"}}, nil, ReasonNotGranted, Scope{"profile:write"}},
		"inactive API":      {Request{Scope: Scope{"gone:all"}}, nil, ReasonInactiveAPI, Scope{"gone:all"}},
		"closed places":     {Request{Scope: Scope{"events:read"}}, []string{"acc_1"}, ReasonInactivePlaces, Scope{"events:read"}},
		"another resource":  {Request{Scope: Scope{"events:read"}, Resources: []string{"https://b.example"}}, nil, ReasonOtherResource, Scope{"events:read"}},
		"unknown audience":  {Request{Resources: []string{"https://x.example"}}, nil, ReasonUnknownAudience, nil},
		"inactive audience": {Request{Resources: []string{"https://c.example"}}, nil, ReasonInactiveAPI, nil},
	} {
		client := testClient()
		_, err := testCatalog(test.closed...).Grant(client, test.asked)
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Reason != test.reason || cmp.Diff(test.missing, refusal.Missing) != "" || refusal.Err == nil {
			t.Errorf("%s: %v, %+v", name, err, refusal)
		}
	}
}

// TestPreviewIsWhatIsIssued compares the claims of a preview with those of a token.
func TestPreviewIsWhatIsIssued(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	for _, asked := range []Request{{}, {Scope: Scope{"events:read"}}, {Resources: []string{"https://a.example"}}} {
		token, err := request(t, issuer, Proof{ClientID: client.ID, Method: AuthSecret, Secret: text}, asked.Scope.String(), asked.Resources...)
		if err != nil {
			t.Fatal(err)
		}
		preview, err := issuer.Preview(t.Context(), client.ID, netip.Addr{}, asked)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := issuer.Verify(t.Context(), bearer.Presented{Token: token.Access}, preview.Claims.Audience[0])
		if err != nil {
			t.Fatal(err)
		}
		claims.ID = ""
		if diff := cmp.Diff(claims, preview.Claims); diff != "" {
			t.Errorf("the preview differs (-token +preview):\n%s", diff)
		}
	}
	before := flushed(t, issuer.Ledger())
	if before.Days[0].Count != 3 {
		t.Errorf("previews are counted: %+v", before.Days)
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, From: netip.MustParseAddr("192.0.2.1")}
	caller, err := issuer.Authenticate(t.Context(), proof)
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Issue(t.Context(), Caller{Client: client}, Request{})
	if err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(1000, func() { issuer.Record(caller, proof.From, Asked{}, token, nil) })
	if allocs != 0 {
		t.Errorf("recording allocates %v times", allocs)
	}
}

func BenchmarkIssue(b *testing.B) {
	client := activeClient()
	issuer, text := testIssuer(b, client)
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, From: netip.MustParseAddr("192.0.2.1")}
	caller, err := issuer.Authenticate(b.Context(), proof)
	if err != nil {
		b.Fatal(err)
	}
	token, err := issuer.Issue(b.Context(), Caller{Client: client}, Request{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := issuer.Issue(b.Context(), Caller{Client: client}, Request{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("recorded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			token, err := issuer.Issue(b.Context(), Caller{Client: client}, Request{})
			issuer.Record(caller, proof.From, Asked{}, token, err)
		}
	})
	b.Run("record", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			issuer.Record(caller, proof.From, Asked{}, token, nil)
		}
	})
	b.Run("record, parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				issuer.Record(caller, proof.From, Asked{}, token, nil)
			}
		})
	})
}
