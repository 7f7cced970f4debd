package oauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Reason says in one word why a token was refused. It is for the administrator of the client, and never for the
// client. A refusal without one is counted by its Code.
type Reason string

// The reasons. All up to ReasonNetwork are the same invalid_client to the caller.
const (
	ReasonAuthMethod      Reason = "wrong_auth_method"
	ReasonSecret          Reason = "wrong_secret"
	ReasonEndedSecret     Reason = "ended_secret"
	ReasonNoUsableSecret  Reason = "no_usable_secret"
	ReasonAssertion       Reason = "wrong_assertion"
	ReasonKey             Reason = "unknown_key"
	ReasonReplay          Reason = "replayed_assertion"
	ReasonNoUsableKey     Reason = "no_usable_key"
	ReasonCertificate     Reason = "wrong_certificate"
	ReasonInactiveClient  Reason = "inactive_client"
	ReasonInactiveOrg     Reason = "inactive_org"
	ReasonNetwork         Reason = "network_not_allowed"
	ReasonNoProof         Reason = "no_dpop_proof"
	ReasonNotGranted      Reason = "not_granted"
	ReasonInactiveAPI     Reason = "inactive_api"
	ReasonInactivePlaces  Reason = "inactive_places"
	ReasonOtherResource   Reason = "permission_of_another_resource"
	ReasonNothingGranted  Reason = "nothing_granted"
	ReasonUnknownAudience Reason = "unknown_audience"
	ReasonWithdrawn       Reason = "permission_withdrawn"
	ReasonRate            Reason = "rate_limited"
	ReasonQuota           Reason = "quota_used_up"
)

// Because answers why a token was refused, in one word and in plain words. Neither is for the client.
func (e *Error) Because() (Reason, string) {
	reason, detail := e.Reason, e.Description
	if reason == "" {
		reason = Reason(e.Code)
	}
	if e.Err != nil {
		detail = e.Err.Error()
	}
	return reason, detail
}

// withheld answers why a permission that the client asks for is not in force, or "" if it is.
func (c *Catalog) withheld(client *Client, apiKey, permission string) (Reason, string) {
	scope := apiKey + ":" + permission
	i := slices.IndexFunc(client.Grants, func(g Grant) bool {
		return g.API == apiKey && slices.Contains(g.Permissions, permission)
	})
	if i < 0 {
		return ReasonNotGranted, scope + " is not granted"
	}
	if reason, why := c.outOfForce(&client.Grants[i]); reason != "" {
		return reason, scope + " is granted, but " + why
	}
	if _, exists := c.API(apiKey).Permission(permission); !exists {
		return ReasonWithdrawn, scope + " is granted, but the API has no such permission any longer"
	}
	return "", ""
}

// outOfForce answers why a whole grant is as if it were not there, or "" if it is in force.
func (c *Catalog) outOfForce(grant *Grant) (Reason, string) {
	api := c.API(grant.API)
	if api == nil || api.Status != StatusActive {
		return ReasonInactiveAPI, fmt.Sprintf("the API %q is inactive", grant.API)
	}
	if _, some := c.open(grant.AppliesTo); !some {
		return ReasonInactivePlaces, "every place where it holds is inactive"
	}
	return "", ""
}

// refuseScope answers the refusal for want of these permissions.
func (c *Catalog) refuseScope(client *Client, missing Scope) error {
	refusal := &Error{Code: InvalidScope, Description: "the requested scope exceeds what is granted", Missing: missing}
	var causes []string
	for _, scope := range missing {
		api, permission, _ := strings.Cut(scope, ":")
		reason, why := c.withheld(client, api, permission)
		if reason == "" {
			reason, why = ReasonOtherResource, scope+" is granted, but not at the resource asked for"
		}
		if refusal.Reason == "" {
			refusal.Reason = reason
		}
		causes = append(causes, why)
	}
	refusal.Err = errors.New(strings.Join(causes, "; "))
	return refusal
}

// refuseTarget answers the refusal for want of anything at these audiences.
func (c *Catalog) refuseTarget(client *Client, audiences []string) error {
	refusal := &Error{Code: InvalidTarget, Description: "the client holds nothing at a requested resource"}
	var causes []string
	for _, audience := range audiences {
		reason, why := ReasonUnknownAudience, "there is no API at "+audience
		for _, api := range c.apis {
			if api.Audience == audience && reason == ReasonUnknownAudience {
				reason, why = ReasonNotGranted, "nothing is granted at "+audience
			}
		}
		for i := range client.Grants {
			api := c.API(client.Grants[i].API)
			if api == nil || api.Audience != audience {
				continue
			}
			var because string
			reason, because = c.outOfForce(&client.Grants[i])
			why = "what is granted at " + audience + " is not in force: " + because
		}
		if refusal.Reason == "" {
			refusal.Reason = reason
		}
		causes = append(causes, why)
	}
	refusal.Err = errors.New(strings.Join(causes, "; "))
	return refusal
}

// refuseAll answers the refusal of a client that holds nothing at the moment of what it asks for.
func (c *Catalog) refuseAll(client *Client) error {
	refusal := &Error{Code: InvalidScope, Description: "nothing is granted to the client", Reason: ReasonNothingGranted}
	var causes []string
	for i := range client.Grants {
		grant := &client.Grants[i]
		for _, permission := range grant.Permissions {
			reason, why := c.withheld(client, grant.API, permission)
			if reason == "" {
				continue // It is in force, but not at the resource asked for.
			}
			refusal.Reason = reason
			refusal.Missing = append(refusal.Missing, grant.API+":"+permission)
			causes = append(causes, why)
		}
	}
	if causes == nil {
		causes = append(causes, "no permission is granted")
	}
	refusal.Err = errors.New(strings.Join(causes, "; "))
	return refusal
}
