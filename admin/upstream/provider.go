package upstream

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/latchkey-auth/latchkey/admin"
)

// The limits of what is asked of the provider.
const (
	patience  = 4 * time.Second // For one answer. A sign-in waits for two or three.
	maxAnswer = 1 << 20
	// keepFor is how long what the provider says of itself is believed.
	keepFor = time.Hour
)

var (
	// ErrUnreachable: the provider does not answer, or not with what it should.
	ErrUnreachable = errors.New("the provider does not answer")
	// ErrForeign: the answer does not belong to a sign-in that this browser began a short while ago.
	ErrForeign = errors.New("the answer belongs to no sign-in of this browser")
	// ErrRefused: the provider, or the person there, said no.
	ErrRefused = errors.New("the provider refused")
	// ErrUntrusted: what the provider says proves nothing, or not enough.
	ErrUntrusted = errors.New("the answer of the provider proves nothing")
)

// Provider is an OpenID Connect provider that vouches for people. It is asked for the first time when somebody comes.
// It is safe for concurrent use.
type Provider struct {
	config Config
	seal   sealer
	client *http.Client
	known  atomic.Pointer[discovered]
}

// Config is what a Provider is made of. ClientSecret may be empty for a public client; the rest is required.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Scopes       []string
	Roles        []RoleRule
	// RedirectURL is where the provider sends people back.
	RedirectURL string
	// Key seals what the browser keeps of a sign-in: 32 bytes, the same in all replicas.
	Key []byte
	Now func() time.Time
}

// New makes a Provider.
func New(config Config) (*Provider, error) {
	seal, err := newSealer(config.Key)
	if err != nil {
		return nil, err
	}
	return &Provider{config: config, seal: seal, client: &http.Client{
		Timeout: patience, Transport: bounded{http.DefaultTransport},
		// Nothing that the protocol asks for is elsewhere than it says.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// bounded cuts off answers that are too long to be one.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxAnswer), response.Body}
	}
	return response, err
}

// discovered is what the provider says of itself (OpenID Connect Discovery 1.0 §3).
type discovered struct {
	provider *oidc.Provider
	oauth2   oauth2.Config
	// namesIssuer: its answers name their issuer (RFC 9207 §3).
	namesIssuer bool
	at          time.Time
}

func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	if known := p.known.Load(); known != nil && p.config.Now().Sub(known.at) < keepFor {
		return known, nil
	}
	provider, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	var said struct {
		NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&said); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	known := &discovered{provider: provider, namesIssuer: said.NamesIssuer, at: p.config.Now(), oauth2: oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: p.config.RedirectURL, Scopes: p.config.Scopes,
	}}
	p.known.Store(known)
	return known, nil
}

// Start answers where to send a browser that wants to sign in, and what it must bring back from there.
func (p *Provider) Start(ctx context.Context) (location, flow string, err error) {
	known, err := p.discover(oidc.ClientContext(ctx, p.client))
	if err != nil {
		return "", "", err
	}
	begun := newAttempt(p.config.Now())
	return known.oauth2.AuthCodeURL(begun.State, oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier)),
		p.seal.seal(begun), nil
}

// Finish answers who has come back from the provider with this query and what Start gave the browser.
func (p *Provider) Finish(ctx context.Context, query url.Values, flow string) (admin.Person, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	begun, ok := p.seal.open(flow)
	if !ok || !p.config.Now().Before(begun.Ends) || !single(query) ||
		subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(begun.State)) != 1 {
		return admin.Person{}, ErrForeign
	}
	known, err := p.discover(ctx)
	if err != nil {
		return admin.Person{}, err
	}
	// RFC 9207 §2.4: before anything else is believed, errors too. Without the check, the code of one provider could
	// be sent to another.
	if (known.namesIssuer || query.Has("iss")) && query.Get("iss") != p.config.Issuer {
		return admin.Person{}, fmt.Errorf("%w: it is of another issuer", ErrUntrusted)
	}
	if query.Has("error") || query.Get("code") == "" {
		return admin.Person{}, fmt.Errorf("%w: %.100q", ErrRefused, query.Get("error"))
	}
	token, err := known.oauth2.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		return admin.Person{}, exchangeFailed(err)
	}
	claims, err := p.claims(ctx, known, token, begun.Nonce)
	if err != nil {
		return admin.Person{}, err
	}
	return p.person(claims)
}

// single reports whether no parameter is repeated (RFC 6749 §3.1).
func single(query url.Values) bool {
	for _, values := range query {
		if len(values) > 1 {
			return false
		}
	}
	return true
}

// exchangeFailed tells a provider that says no from one that cannot say anything. The answer is not repeated: it may
// hold what was sent.
func exchangeFailed(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < http.StatusInternalServerError {
		return fmt.Errorf("%w: the code, with %.100q", ErrRefused, refused.ErrorCode)
	}
	return fmt.Errorf("%w: asking for the token", ErrUnreachable)
}

// claims answers what the provider says of the person: the ID token's word, and what only the userinfo endpoint says.
func (p *Provider) claims(ctx context.Context, known *discovered, token *oauth2.Token, nonce string) (map[string]any, error) {
	raw, _ := token.Extra("id_token").(string)
	// OpenID Connect Core §3.1.3.7: signature, issuer, audience, expiry; "none" is no algorithm.
	verified, err := known.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID, Now: p.config.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	claims := make(map[string]any)
	if err := verified.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	authorized, named := claims["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(nonce)) != 1:
		return nil, fmt.Errorf("%w: the nonce is of another sign-in", ErrUntrusted)
	case (named || len(verified.Audience) > 1) && authorized != p.config.ClientID:
		return nil, fmt.Errorf("%w: the token was issued to another client", ErrUntrusted)
	case verified.Subject == "":
		return nil, fmt.Errorf("%w: the token has no subject", ErrUntrusted)
	case verified.AccessTokenHash != "" && verified.VerifyAccessToken(token.AccessToken) != nil:
		return nil, fmt.Errorf("%w: the access token is not the ID token's", ErrUntrusted)
	}
	if known.provider.UserInfoEndpoint() == "" || !p.wants(claims) {
		return claims, nil
	}
	info, err := known.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	// OpenID Connect Core §5.3.2: an answer about somebody else must not be used.
	if info.Subject != verified.Subject {
		return nil, fmt.Errorf("%w: the userinfo is somebody else's", ErrUntrusted)
	}
	more := make(map[string]any)
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	for name, value := range more {
		if _, signed := claims[name]; !signed {
			claims[name] = value
		}
	}
	return claims, nil
}

// wants reports whether the claims lack something that the person is made of.
func (p *Provider) wants(claims map[string]any) bool {
	lacks := func(name string) bool { _, has := claims[name]; return !has }
	return lacks("email") || lacks("name") || slices.ContainsFunc(p.config.Roles, func(rule RoleRule) bool { return lacks(rule.Claim) })
}

func (p *Provider) person(claims map[string]any) (admin.Person, error) {
	text := func(name string) string { value, _ := claims[name].(string); return value }
	if verified, said := claims["email_verified"]; said && verified != true && verified != "true" {
		return admin.Person{}, fmt.Errorf("%w: the e-mail address is not verified", ErrUntrusted)
	}
	if text("email") == "" {
		return admin.Person{}, fmt.Errorf("%w: there is no e-mail address", ErrUntrusted)
	}
	return admin.Person{
		Upstream: admin.Upstream{Issuer: p.config.Issuer, Subject: text("sub")},
		Email:    text("email"), Name: strings.TrimSpace(text("name")), Roles: rolesOf(p.config.Roles, claims),
	}, nil
}
