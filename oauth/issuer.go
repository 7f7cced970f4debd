package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Issuer authenticates clients and issues tokens. It is safe for concurrent use.
type Issuer struct {
	url         string
	store       Store
	maxLifetime time.Duration
	algorithm   jose.SignatureAlgorithm
	now         func() time.Time
	engine      engine
	verifier    *bearer.Verifier
	nobody      *Client
	quotas      quotas
	decoys      decoys
	replays     Replays
	proofs      *bearer.Proofs
	mutualTLS   bool
	clientCAs   *x509.CertPool
	published   KeyPublisher
	ledger      *Ledger
	lists       statusLists
	revocations Revocations
	denyList    denyList
}

// Config is what an Issuer is made of. NonceKey, MutualTLS and ClientCAs may be left out; the rest is required.
type Config struct {
	// URL is the issuer identifier (RFC 8414 §2): scheme and host, perhaps a path, with no query or fragment.
	URL   string
	Store Store
	// MaxLifetime is the longest any token may live, whatever its API or client says.
	MaxLifetime time.Duration
	// Algorithm is the one that tokens are signed with.
	Algorithm jose.SignatureAlgorithm
	// Replays remembers which client assertions and DPoP proofs have been used.
	Replays Replays
	// Revocations keeps the tokens that are revoked one by one.
	Revocations Revocations
	// NonceKey makes the nonces that DPoP proofs must bear, of at least 32 secret bytes that all replicas have and use
	// for nothing else; nil: they need none.
	NonceKey []byte
	// Published answers the keys of clients that publish them at a jwks_uri.
	Published KeyPublisher
	// MutualTLS says that requests can bring certificates of clients (RFC 8705).
	MutualTLS bool
	// ClientCAs issue certificates for AuthTLS; nil: that method is off.
	ClientCAs *x509.CertPool
	// Now answers the time in UTC, in whole microseconds.
	Now func() time.Time
}

// NewIssuer makes an Issuer and checks its Config.
func NewIssuer(config Config) (*Issuer, error) {
	if err := CheckIssuer(config.URL); err != nil {
		return nil, err
	}
	if config.MaxLifetime < time.Second {
		return nil, errors.New("the longest token lifetime must be at least a second")
	}
	issuer := &Issuer{
		url:         config.URL,
		store:       config.Store,
		maxLifetime: config.MaxLifetime,
		algorithm:   config.Algorithm,
		now:         config.Now,
		nobody:      newNobody(),
		replays:     config.Replays,
		revocations: config.Revocations,
		published:   config.Published,
		mutualTLS:   config.MutualTLS,
		clientCAs:   config.ClientCAs,
		ledger:      NewLedger(),
		decoys:      newDecoys(),
	}
	issuer.engine = newEngine(issuer.mint)
	var err error
	if issuer.proofs, err = newProofs(config); err != nil {
		return nil, err
	}
	issuer.verifier, err = bearer.New(bearer.Config{
		Issuer: config.URL, Audience: config.URL, Keys: currentKeys{config.Store}, Now: config.Now,
		Proofs: issuer.proofs, Origin: config.URL,
	})
	return issuer, err
}

// CheckIssuer refuses what is no issuer identifier (RFC 8414 §2), or has a path that could be read in two ways.
func CheckIssuer(text string) error {
	address, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it is not a URL")
	case address.Scheme != "https" && address.Scheme != "http", address.Host == "":
		return fmt.Errorf("%q is not an absolute http or https URL", text)
	case address.RawQuery != "" || address.ForceQuery || strings.Contains(text, "#") || address.User != nil:
		return fmt.Errorf("%q must have no query, fragment or user", text)
	case strings.HasSuffix(address.Path, "/"):
		return fmt.Errorf("%q must not end in a slash", text)
	case strings.Contains(address.Path, "//") || strings.ContainsFunc(address.Path, outsidePath):
		return fmt.Errorf("%q must have a path of letters, digits and - . _ ~ alone", text)
	}
	return nil
}

func outsidePath(char rune) bool {
	return !('A' <= char && char <= 'Z' || 'a' <= char && char <= 'z' || '0' <= char && char <= '9' ||
		strings.ContainsRune("-._~/", char))
}

// MaxLifetime answers the longest any token may live.
func (i *Issuer) MaxLifetime() time.Duration { return i.maxLifetime }

// URL answers the issuer identifier.
func (i *Issuer) URL() string { return i.url }

// Ledger answers the ledger that [Issuer.Record] writes.
func (i *Issuer) Ledger() *Ledger { return i.ledger }

// Token is an issued access token, as RFC 6749 §5.1 answers it.
type Token struct {
	Access   string
	Type     string // Bearer, or DPoP if it is bound to a key (RFC 9449 §5).
	Lifetime time.Duration
	Scope    Scope
	// Details are what is granted and where, if it was asked for in that way (RFC 9396 §7).
	Details []Detail
}

// Issue gives an authenticated client a token for what it asks, or an [*Error]: from [Catalog.Grant], because its quota is
// used up, or because its assertion or the proof of its key was used before.
func (i *Issuer) Issue(ctx context.Context, caller Caller, asked Request) (Token, error) {
	granted, err := i.grant(ctx, caller.Client, asked)
	if err != nil {
		return Token{}, err
	}
	// Nobody uses up the client's quota by what the client has sent before.
	if err := i.quotas.check(caller.Client, i.now()); err != nil {
		return Token{}, err
	}
	if err := i.spendKey(ctx, caller.Key); err != nil {
		return Token{}, err
	}
	if err := i.spendAssertion(ctx, caller); err != nil {
		return Token{}, err
	}
	if err := i.quotas.take(caller.Client, i.now()); err != nil {
		return Token{}, err
	}
	granted.Confirmation = caller.confirmation()
	access, err := i.engine.issue(ctx, caller.Client, granted)
	if err != nil {
		return Token{}, fmt.Errorf("issuing a token: %w", err)
	}
	token := Token{Access: access, Type: tokenType(granted.Confirmation), Lifetime: granted.Lifetime, Scope: granted.Scope}
	if len(asked.Details) > 0 {
		token.Details = granted.Details
	}
	return token, nil
}

// grant judges what is asked, and bounds the lifetime by the server's.
func (i *Issuer) grant(ctx context.Context, client *Client, asked Request) (Granted, error) {
	if err := i.place(ctx, client, &asked); err != nil {
		return Granted{}, err
	}
	granted, err := i.store.Catalog().Grant(client, asked)
	granted.Lifetime = shorter(granted.Lifetime, i.maxLifetime)
	return granted, err
}

// place finds out what accounts the workspaces asked for lie in, if that matters. It is the one thing about a token that
// is not in memory: a tree may be large, and few ask for one workspace under a grant of all.
func (i *Issuer) place(ctx context.Context, client *Client, asked *Request) (err error) {
	if workspaces := asked.needsAccounts(client); len(workspaces) > 0 {
		if asked.accounts, err = i.store.AccountsOf(ctx, workspaces); err != nil {
			return fmt.Errorf("looking up workspaces: %w", err)
		}
	}
	return nil
}

// LongestLifetime answers for how long, from now, a token already issued to the client may still be valid.
func (i *Issuer) LongestLifetime(client *Client) time.Duration {
	longest := time.Duration(0)
	for _, grant := range client.Grants {
		if api := i.store.Catalog().API(grant.API); api != nil {
			longest = max(longest, api.TokenLifetime)
		}
	}
	return shorter(shorter(client.TokenLifetime, longest), i.maxLifetime)
}

// mint writes and signs the claims of a new token.
func (i *Issuer) mint(client *Client, granted Granted) (string, error) {
	now := i.now()
	claims := i.claims(client, granted, now)
	claims.ID = rand.Text()
	return i.store.Keyring().sign(claims, cmp.Or(granted.Algorithm, i.algorithm), now)
}

// claims are those of RFC 9068 §2.2, but for the jti that tells one token from the next.
func (i *Issuer) claims(client *Client, granted Granted, now time.Time) *bearer.Claims {
	return &bearer.Claims{
		Issuer:               i.url,
		Subject:              client.ID,
		ClientID:             client.ID,
		Audience:             granted.Audience,
		IssuedAt:             now.Unix(),
		ExpiresAt:            now.Add(granted.Lifetime).Unix(),
		Scope:                granted.Scope.String(),
		OrgID:                client.OrgID,
		AuthorizationDetails: granted.Details,
		Confirmation:         granted.Confirmation,
		Status:               &bearer.Status{List: i.statusOf(client)},
	}
}
