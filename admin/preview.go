package admin

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/oauth"
)

// The limits of what a preview may ask for.
const (
	maxPreviewScope     = 2000 // characters
	maxPreviewResources = 20
)

// PreviewRequest is the token request that is to be tried.
type PreviewRequest struct {
	// Scope is the scope parameter; empty asks for everything.
	Scope string
	// Resources are the audiences asked for; none asks for all.
	Resources []string
	// Details is the authorization_details parameter; empty asks for nothing in particular.
	Details string
	// From is the address that asks; empty for one that is allowed.
	From string
}

// Preview answers the token that the client would get now, or the [*oauth.Error] that would refuse it. Nothing is
// issued or counted. What no client could ask for, because nothing of that name exists, is FieldErrors.
func (r *Registrar) Preview(ctx context.Context, actor Actor, id string, request PreviewRequest) (oauth.Preview, error) {
	if _, err := r.visible(ctx, actor, CredentialsRead, id); err != nil {
		return oauth.Preview{}, err
	}
	var errs FieldErrors
	asked, err := r.checkAsked(ctx, request, &errs)
	if err != nil {
		return oauth.Preview{}, err
	}
	var from netip.Addr
	if request.From != "" {
		if from, err = netip.ParseAddr(request.From); err != nil {
			errs.add("/from", "invalid", "this is not an IP address")
		}
	}
	if err := errs.orNil(); err != nil {
		return oauth.Preview{}, err
	}
	return r.issuer.Preview(ctx, id, from, asked)
}

// checkAsked reads what is asked for, and notes what does not exist.
func (r *Registrar) checkAsked(ctx context.Context, request PreviewRequest, errs *FieldErrors) (oauth.Request, error) {
	if len(request.Scope) > maxPreviewScope {
		errs.add("/scope", "too_long", "at most %d characters are allowed", maxPreviewScope)
		return oauth.Request{}, nil
	}
	if len(request.Resources) > maxPreviewResources {
		errs.add("/resource", "too_many", "at most %d resources are allowed", maxPreviewResources)
		return oauth.Request{}, nil
	}
	scope, err := oauth.ParseScope(request.Scope)
	var malformed *oauth.Error
	if errors.As(err, &malformed) {
		errs.add("/scope", "invalid", "%s", malformed.Description)
	}
	apis, err := r.store.APIs(ctx)
	if err != nil {
		return oauth.Request{}, err
	}
	for _, permission := range scope {
		key, name, _ := strings.Cut(permission, ":")
		at := slices.IndexFunc(apis, func(api oauth.API) bool { return api.Key == key })
		if at < 0 {
			errs.add("/scope", "unknown", "there is no API %q", key)
		} else if _, exists := apis[at].Permission(name); !exists {
			errs.add("/scope", "unknown", "the API %q has no permission %q", key, name)
		}
	}
	var resources []string
	for i, resource := range request.Resources {
		if !slices.ContainsFunc(apis, func(api oauth.API) bool { return api.Audience == resource }) {
			errs.add(pointer("/resource", i), "unknown", "no API has this audience")
		}
		if !slices.Contains(resources, resource) {
			resources = append(resources, resource)
		}
	}
	details, err := oauth.ParseDetails(request.Details)
	if errors.As(err, &malformed) {
		errs.add("/authorization_details", "invalid", "%s", malformed.Description)
	}
	for i, detail := range details {
		at := slices.IndexFunc(apis, func(api oauth.API) bool { return api.Key == detail.Type })
		if at < 0 {
			errs.add(pointer("/authorization_details", i)+"/type", "unknown", "there is no API %q", detail.Type)
			continue
		}
		for j, action := range detail.Actions {
			if _, exists := apis[at].Permission(action); !exists {
				errs.add(pointer(pointer("/authorization_details", i)+"/actions", j), "unknown", "the API %q has no permission %q", detail.Type, action)
			}
		}
	}
	return oauth.Request{Scope: scope, Resources: resources, Details: details}, nil
}
