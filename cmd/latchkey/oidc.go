package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/admin/upstream"
)

// checkOIDC answers what is missing or contradictory in how operators sign in at another provider.
func (o *options) checkOIDC() error {
	if o.OIDCIssuer == "" {
		if o.OIDCClientID != "" || o.OIDCClientSecret != "" || o.OIDCName != "" || len(o.OIDCRole) > 0 {
			return errors.New("--oidc-issuer is missing: without it, the other options of that name are of no use")
		}
		return nil
	}
	var broken []error
	if err := o.checkOIDCIssuer(); err != nil {
		broken = append(broken, err)
	}
	if !o.Console {
		broken = append(broken, errors.New("--oidc-issuer and --no-console contradict each other: people sign in on the console"))
	}
	if o.OIDCClientID == "" {
		broken = append(broken, errors.New("--oidc-client-id is missing"))
	}
	if !slices.Contains(strings.Fields(o.OIDCScopes), "openid") {
		broken = append(broken, errors.New("--oidc-scopes must name openid"))
	}
	if len(o.OIDCRole) == 0 {
		broken = append(broken, errors.New("--oidc-role is missing: nobody could sign in"))
	}
	_, err := o.oidcRoles()
	return errors.Join(append(broken, err)...)
}

// checkOIDCIssuer takes plain HTTP for trying out on one machine alone: whoever listens could be anybody.
func (o *options) checkOIDCIssuer() error {
	issuer, err := url.Parse(o.OIDCIssuer)
	if err != nil || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		return errors.New("--oidc-issuer must be a URL without user, query and fragment")
	}
	address, _ := netip.ParseAddr(issuer.Hostname())
	local := issuer.Hostname() == "localhost" || address.IsLoopback()
	if issuer.Scheme != "https" && !(issuer.Scheme == "http" && o.Dev && local) {
		return errors.New("--oidc-issuer must begin with https; with --dev, one on this machine may begin with http")
	}
	return nil
}

func (o *options) oidcRoles() ([]upstream.RoleRule, error) {
	var (
		rules  []upstream.RoleRule
		broken []error
	)
	for _, text := range o.OIDCRole {
		rule, err := upstream.ParseRoleRule(text)
		if err != nil {
			broken = append(broken, fmt.Errorf("--oidc-role: %w", err))
		}
		rules = append(rules, rule)
	}
	return rules, errors.Join(broken...)
}

// oidcName is what people call the provider; empty if there is none.
func (o *options) oidcName() string {
	issuer, err := url.Parse(o.OIDCIssuer)
	if err != nil {
		return ""
	}
	return cmp.Or(o.OIDCName, issuer.Host)
}

// newUpstream answers nil if operators sign in with a password alone. The provider need not be there yet.
func newUpstream(o *options, core *core) (*upstream.Provider, error) {
	if o.OIDCIssuer == "" {
		return nil, nil
	}
	rules, err := o.oidcRoles()
	if err != nil {
		return nil, usageError{err}
	}
	return upstream.New(upstream.Config{
		Issuer: o.OIDCIssuer, ClientID: o.OIDCClientID, ClientSecret: string(o.OIDCClientSecret),
		Scopes: strings.Fields(o.OIDCScopes), Roles: rules,
		RedirectURL: strings.TrimSuffix(o.Issuer, "/") + "/console/oidc/callback", Key: core.flowKey, Now: now,
	})
}
