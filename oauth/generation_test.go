package oauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func networks(texts ...string) (networks []netip.Prefix) {
	for _, text := range texts {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	return networks
}

func TestStatusAfter(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ec, rsa := newPublicKey(t, "ec"), newPublicKey(t, "other")
	client := func() *Client {
		return &Client{
			AllowedCIDRs: networks("192.0.2.0/24", "2001:db8::/64"),
			Status:       StatusActive, AuthMethod: AuthPrivateKeyJWT, Keys: []jose.JSONWebKey{ec, rsa},
			Secrets: []Secret{{ID: "sec_1"}, {ID: "sec_2", StopsAt: at.Add(-time.Second)}},
			Grants: []Grant{
				{API: "a", Permissions: []string{"read", "write"}, AppliesTo: Places{Workspaces: []string{"w1", "w2"}}},
				{API: "b", Permissions: []string{"use"}, AppliesTo: Places{Org: true}},
			},
		}
	}
	for name, test := range map[string]struct {
		change func(*Client)
		want   TokenStatus
	}{
		"nothing":             {func(*Client) {}, TokensValid},
		"other words":         {func(c *Client) { c.Name, c.Note, c.TokenLifetime = "x", "y", time.Minute }, TokensValid},
		"inactive":            {func(c *Client) { c.Status = StatusInactive }, TokensSuspended},
		"deleted":             {func(c *Client) { c.Status, c.Grants = StatusDeleted, nil }, TokensInvalid},
		"a permission more":   {func(c *Client) { c.Grants[1].Permissions = []string{"look", "use"} }, TokensValid},
		"a permission less":   {func(c *Client) { c.Grants[0].Permissions = []string{"write"} }, TokensInvalid},
		"a workspace more":    {func(c *Client) { c.Grants[0].AppliesTo.Workspaces = []string{"w3", "w2", "w1"} }, TokensValid},
		"another workspace":   {func(c *Client) { c.Grants[0].AppliesTo.Workspaces = []string{"w1", "w3"} }, TokensInvalid},
		"not the whole org":   {func(c *Client) { c.Grants[1].AppliesTo = Places{Accounts: []string{"a1"}} }, TokensInvalid},
		"the order of grants": {func(c *Client) { c.Grants[0], c.Grants[1] = c.Grants[1], c.Grants[0] }, TokensValid},
		"a key more":          {func(c *Client) { c.Keys = append(c.Keys, newPublicKey(t, "third")) }, TokensValid},
		"a key less":          {func(c *Client) { c.Keys = c.Keys[1:] }, TokensInvalid},
		"a key of the same name": {func(c *Client) {
			c.Keys = []jose.JSONWebKey{newPublicKey(t, "ec"), rsa}
		}, TokensInvalid},
		"published keys":          {func(c *Client) { c.Keys, c.KeysURL = nil, "https://keys.example" }, TokensInvalid},
		"another method":          {func(c *Client) { c.AuthMethod = AuthTLS }, TokensInvalid},
		"another certificate":     {func(c *Client) { c.Certificate.Value = "x" }, TokensInvalid},
		"DPoP required":           {func(c *Client) { c.DPoPRequired = true }, TokensInvalid},
		"a network more":          {func(c *Client) { c.AllowedCIDRs = networks("2001:db8::/64", "192.0.2.0/24", "198.51.100.1/32") }, TokensValid},
		"a wider network":         {func(c *Client) { c.AllowedCIDRs = networks("192.0.0.0/16", "2001:db8::/32") }, TokensValid},
		"any network":             {func(c *Client) { c.AllowedCIDRs = nil }, TokensValid},
		"a network less":          {func(c *Client) { c.AllowedCIDRs = c.AllowedCIDRs[:1] }, TokensInvalid},
		"a narrower network":      {func(c *Client) { c.AllowedCIDRs = networks("192.0.2.0/25", "2001:db8::/64") }, TokensInvalid},
		"a quota":                 {func(c *Client) { c.Quota.PerDay = 1 }, TokensValid},
		"a secret more":           {func(c *Client) { c.Secrets = append(c.Secrets, Secret{ID: "sec_3"}) }, TokensValid},
		"a secret that will stop": {func(c *Client) { c.Secrets[0].StopsAt = at.Add(time.Hour) }, TokensValid},
		"a secret stopped":        {func(c *Client) { c.Secrets[0].StoppedAt = at }, TokensInvalid},
		"a secret stopping now":   {func(c *Client) { c.Secrets[0].StopsAt = at }, TokensInvalid},
		"a secret gone":           {func(c *Client) { c.Secrets = c.Secrets[1:] }, TokensInvalid},
		"an old secret gone":      {func(c *Client) { c.Secrets = c.Secrets[:1] }, TokensValid},
	} {
		before, after := client(), client()
		test.change(after)
		if got := before.StatusAfter(after, at); got != test.want {
			t.Errorf("%s: %d; want %d", name, got, test.want)
		}
		before.Status = StatusInactive
		if got := before.StatusAfter(after, at); got != TokensValid {
			t.Errorf("%s, of an inactive client: %d; it has no tokens to end", name, got)
		}
	}
}

// TestStatusAfterFirstNetwork: who could ask from anywhere loses the rest of the world.
func TestStatusAfterFirstNetwork(t *testing.T) {
	before := &Client{Status: StatusActive}
	after := &Client{Status: StatusActive, AllowedCIDRs: networks("192.0.2.0/24")}
	if got := before.StatusAfter(after, time.Time{}); got != TokensInvalid {
		t.Errorf("%d; want %d", got, TokensInvalid)
	}
}

func newPublicKey(t *testing.T, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"}
}
