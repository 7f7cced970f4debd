package oauth

import (
	"net/netip"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// AuthMethod is how a client authenticates, by the names of RFC 7591 §2 but for AuthSecret, which stands for
// client_secret_basic and client_secret_post alike: the client sends whichever it likes.
type AuthMethod string

// AuthSecret authenticates by one of the client's secrets, AuthPrivateKeyJWT by an assertion that the client signs
// with a key of its own (RFC 7523 §2.2), AuthTLS by a certificate that an authority issued, and AuthSelfSignedTLS by
// one that the client made (RFC 8705 §2).
const (
	AuthSecret        AuthMethod = "client_secret"
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
	AuthTLS           AuthMethod = "tls_client_auth"
	AuthSelfSignedTLS AuthMethod = "self_signed_tls_client_auth"
)

// AuthMethods are all methods.
var AuthMethods = []AuthMethod{AuthSecret, AuthPrivateKeyJWT, AuthTLS, AuthSelfSignedTLS}

// Client is a registered program. An administrator sees it as a credential.
type Client struct {
	// ID is the client_id: unguessable, never renamed, never used again.
	ID string
	// OrgID is the org the client belongs to, for good.
	OrgID string
	// Name is unique among the clients of the org.
	Name  string
	Note  string
	Owner string
	// Status: only an active client is issued tokens.
	Status     Status
	AuthMethod AuthMethod
	// Secrets are all secrets that are still kept, usable or not, the newest first. Only a client that
	// authenticates by a secret has any.
	Secrets []Secret
	// Keys are the client's public keys, for AuthPrivateKeyJWT and, with their certificates, for AuthSelfSignedTLS; they
	// come from ParseClientKeys or ParseClientCertificates. Instead of them, KeysURL may say where they are published.
	Keys    []jose.JSONWebKey
	KeysURL string
	// Certificate is what the client's certificates say, for AuthTLS.
	Certificate CertificateName
	Grants      []Grant
	// TokenLifetime is the longest this client's tokens may live; zero leaves it to the APIs.
	TokenLifetime time.Duration
	// Quota is how many tokens the client is issued at most.
	Quota TokenQuota
	// DPoPRequired: every token of the client is bound to a key that it proves to hold (RFC 9449 §5.2).
	DPoPRequired bool
	// AllowedCIDRs are the networks the client may ask from; empty allows any.
	AllowedCIDRs []netip.Prefix
	CreatedAt    time.Time
	CreatedBy    string
	UpdatedAt    time.Time
	UpdatedBy    string
	// Version counts the changes made to the client, from 1.
	Version int64
	// StatusPlace is where its tokens stand in the status lists, as [Store.Client] answers it: another one after each
	// loss.
	StatusPlace StatusPlace
}

// MatchingSecret answers the usable secret whose text was presented, or nil.
// It does the same work whether or not there is one.
func (c *Client) MatchingSecret(presented Plaintext, now time.Time) *Secret {
	if match := c.secretOf(presented); match != nil && match.Usable(now) {
		return match
	}
	return nil
}

// secretOf answers the secret whose text was presented, usable or not, or nil.
// It does the same work whether or not there is one.
func (c *Client) secretOf(presented Plaintext) *Secret {
	hash := presented.Hash()
	var match *Secret
	for i := range c.Secrets {
		if secret := &c.Secrets[i]; secret.Hash.Equal(hash) {
			match = secret
		}
	}
	return match
}

// CurrentSecret answers the usable secret that no rotation is about to end; while there is none, the newest of the
// usable; nil if none is usable. The order in time alone would not do: replicas' clocks may differ.
func (c *Client) CurrentSecret(now time.Time) *Secret {
	var current *Secret
	for i := range c.Secrets {
		secret := &c.Secrets[i]
		if secret.Usable(now) && (current == nil || secret.StopsAt.IsZero() && !current.StopsAt.IsZero()) {
			current = secret
		}
	}
	return current
}

// MayAskFrom reports whether the client may ask for tokens from this address.
func (c *Client) MayAskFrom(address netip.Addr) bool {
	for _, network := range c.AllowedCIDRs {
		if network.Contains(address.Unmap()) {
			return true
		}
	}
	return len(c.AllowedCIDRs) == 0
}
