package oauth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The limits of authorization_details: as much as a credential may hold.
const (
	maxDetails     = 50
	maxDetailNames = 200 // in one list
	maxDetailName  = 255 // characters
)

// detailsParameter is the request parameter of RFC 9396 §3.
const detailsParameter = "authorization_details"

// ParseDetails reads the authorization_details parameter (RFC 9396 §2): an array of objects in exactly the form that a
// token holds, each of another type, with its actions and the places of one level. The error is an [*Error] with the
// code invalid_authorization_details, which §5 wants for an unknown member, a wrong value and a missing one alike.
func ParseDetails(text string) ([]Detail, error) {
	if text == "" {
		return nil, nil
	}
	var objects []map[string]jsontext.Value
	if err := json.Unmarshal([]byte(text), &objects); err != nil {
		return nil, &Error{Code: InvalidAuthorizationDetails, Description: detailsParameter + " is not a JSON array of objects", Err: err}
	}
	switch {
	case len(objects) == 0:
		return nil, wrongDetails(detailsParameter, "asks for nothing")
	case len(objects) > maxDetails:
		return nil, wrongDetails(detailsParameter, "has too many elements")
	}
	details := make([]Detail, len(objects))
	for i, members := range objects {
		at := detailAt(i)
		if err := readDetail(at, members, &details[i]); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(details[:i], func(d Detail) bool { return d.Type == details[i].Type }) {
			return nil, wrongDetails(at+".type", "stands twice: put its actions and places together")
		}
	}
	return details, nil
}

// readDetail reads one object. Its members are judged in the order of their names, so that the same request always
// gets the same answer.
func readDetail(at string, members map[string]jsontext.Value, detail *Detail) error {
	places := 0
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value, member := members[name], at+"."+name
		var err error
		switch name {
		case "type":
			if json.Unmarshal(value, &detail.Type) != nil || !validDetailName(detail.Type) {
				err = wrongDetails(member, "must be the key of an API")
			}
			places-- // It is no place.
		case "actions":
			err = readNames(member, value, &detail.Actions)
			places--
		case "accounts":
			err = readNames(member, value, &detail.Accounts)
		case "workspaces":
			err = readNames(member, value, &detail.Workspaces)
		case "all_workspaces_of":
			err = readNames(member, value, &detail.AllWorkspacesOf)
		case "org":
			err = readTrue(member, value, &detail.Org)
		case "installation":
			err = readTrue(member, value, &detail.Installation)
		default:
			// Only what RFC 6749 §5.2 allows in a description is repeated.
			if len(name) > maxDetailName || !validScopeToken(name) {
				member = "a member of " + at
			}
			err = wrongDetails(member, "is unknown")
		}
		if err != nil {
			return err
		}
		places++
	}
	switch {
	case detail.Type == "":
		return wrongDetails(at+".type", "is missing")
	case detail.Actions == nil:
		return wrongDetails(at+".actions", "is missing")
	case places == 0:
		return wrongDetails(at, "does not say where: accounts, workspaces, all_workspaces_of or org is missing")
	case places > 1 && (detail.Installation || detail.Org || detail.Accounts != nil):
		return wrongDetails(at, "names places of more than one level")
	}
	return nil
}

// readNames reads an array of names, at least one and none twice.
func readNames(member string, value jsontext.Value, into *[]string) error {
	var names []string
	if json.Unmarshal(value, &names) != nil || len(names) == 0 {
		return wrongDetails(member, "must be an array of at least one string")
	}
	if len(names) > maxDetailNames {
		return wrongDetails(member, "has too many elements")
	}
	seen := make(map[string]struct{}, len(names))
	for _, name := range names {
		if !validDetailName(name) {
			return wrongDetails(member, "has an element that is no name")
		}
		seen[name] = struct{}{}
	}
	if len(seen) < len(names) {
		return wrongDetails(member, "names something twice")
	}
	*into = names
	return nil
}

func readTrue(member string, value jsontext.Value, into *bool) error {
	if *into = value.String() == "true"; !*into {
		return wrongDetails(member, "must be true or left out")
	}
	return nil
}

func validDetailName(name string) bool { return len(name) <= maxDetailName && validScopeToken(name) }

func detailAt(i int) string { return fmt.Sprintf("%s[%d]", detailsParameter, i) }

func wrongDetails(member, what string) *Error {
	return &Error{Code: InvalidAuthorizationDetails, Description: member + " " + what}
}

// detail answers what is asked of an API in particular, and where it stands, or nil.
func (r *Request) detail(api string) (int, *Detail) {
	for i := range r.Details {
		if r.Details[i].Type == api {
			return i, &r.Details[i]
		}
	}
	return -1, nil
}

// checkDetails holds scope and details against each other (RFC 9396 §3.1). Of an API that both name they must ask the
// same permissions: whatever else was done would leave out silently what one of them asks for.
func (r *Request) checkDetails() error {
	if len(r.Scope) == 0 || len(r.Details) == 0 {
		return nil
	}
	asked := make(Scope, 0, len(r.Scope))
	named := make(map[string]struct{}, len(r.Details))
	for i, detail := range r.Details {
		named[detail.Type] = struct{}{}
		for _, action := range detail.Actions {
			scope := detail.Type + ":" + action
			if !slices.Contains(r.Scope, scope) {
				return wrongDetails(detailAt(i)+".actions", "names a permission that the scope leaves out")
			}
			asked = append(asked, scope)
		}
	}
	for _, scope := range r.Scope {
		api, _, _ := strings.Cut(scope, ":")
		if _, both := named[api]; both && !slices.Contains(asked, scope) {
			return wrongDetails(detailsParameter, "leaves out a permission of the scope")
		}
	}
	return nil
}

// needsAccounts answers the workspaces of which it matters what account they lie in: those asked for under a grant
// that holds in all workspaces of some accounts.
func (r *Request) needsAccounts(client *Client) (workspaces []string) {
	for i := range client.Grants {
		grant := &client.Grants[i]
		if _, detail := r.detail(grant.API); detail != nil && len(grant.AppliesTo.AllWorkspacesOf) > 0 {
			workspaces = append(workspaces, detail.Workspaces...)
		}
	}
	return workspaces
}

// narrow answers the part of the places asked for that lies within those held and is in force. A permission holds at
// the level its API prescribes, so an account of an org is no part of it; but a workspace is one of its account's. It
// answers whether anything is left.
func (c *Catalog) narrow(held, asked Places, accounts map[string]string) (Places, bool) {
	places := Places{
		Installation:    held.Installation && asked.Installation,
		Org:             held.Org && asked.Org,
		Accounts:        within(asked.Accounts, held.Accounts),
		AllWorkspacesOf: within(asked.AllWorkspacesOf, held.AllWorkspacesOf),
	}
	listed := within(asked.Workspaces, held.Workspaces)
	for _, workspace := range asked.Workspaces {
		account, known := accounts[workspace]
		if slices.Contains(listed, workspace) || known && slices.Contains(held.AllWorkspacesOf, account) {
			places.Workspaces = append(places.Workspaces, workspace)
		}
	}
	return c.open(places)
}

// remaining answers the part of what a token says that is still held.
func (c *Catalog) remaining(held []Detail, told *Request) []Detail {
	details := make([]Detail, 0, len(held))
	for _, now := range held {
		_, detail := told.detail(now.Type)
		if detail == nil {
			continue
		}
		places, some := c.narrow(now.Places, detail.Places, told.accounts)
		if actions := within(detail.Actions, now.Actions); some && len(actions) > 0 {
			details = append(details, Detail{Type: now.Type, Actions: actions, Places: places})
		}
	}
	return details
}

// within answers those of the names asked for that are held, in the order asked.
func within(asked, held []string) (both []string) {
	for _, name := range asked {
		if slices.Contains(held, name) {
			both = append(both, name)
		}
	}
	return both
}

// checkDetail judges the i-th of the details asked for against the grant of its API, of which these places are in
// force.
func (c *Catalog) checkDetail(client *Client, asked *Request, i int, grant *Grant, held Places) error {
	detail, at := &asked.Details[i], detailAt(i)
	for _, action := range detail.Actions {
		if reason, why := c.withheld(client, grant.API, action); reason != "" {
			return exceeds(at+".actions", reason, why, Scope{grant.API + ":" + action})
		}
	}
	narrowed, _ := c.narrow(held, detail.Places, asked.accounts)
	for _, part := range []struct {
		member      string
		asked, some []string
	}{
		{"accounts", detail.Accounts, narrowed.Accounts},
		{"workspaces", detail.Workspaces, narrowed.Workspaces},
		{"all_workspaces_of", detail.AllWorkspacesOf, narrowed.AllWorkspacesOf},
	} {
		if len(part.some) == len(part.asked) {
			continue
		}
		missing := part.asked[slices.IndexFunc(part.asked, func(id string) bool { return !slices.Contains(part.some, id) })]
		reason, why := ReasonNotGranted, fmt.Sprintf("nothing of %q is granted in %q", grant.API, missing)
		if !c.Open(missing) {
			reason, why = ReasonInactivePlaces, fmt.Sprintf("%q is inactive", missing)
		}
		return exceeds(at+"."+part.member, reason, why, nil)
	}
	switch {
	case detail.Org && !narrowed.Org:
		return exceeds(at+".org", ReasonNotGranted, fmt.Sprintf("%q is not granted in the whole org", grant.API), nil)
	case detail.Installation && !narrowed.Installation:
		return exceeds(at+".installation", ReasonNotGranted, fmt.Sprintf("%q is not granted in the whole installation", grant.API), nil)
	}
	return nil
}

// refuseType answers the refusal of a detail whose API the client holds nothing of, or not at the resource asked for.
// A type that does not exist is refused alike: the catalogue is not told to whoever holds nothing of it.
func (c *Catalog) refuseType(client *Client, asked *Request, i int) error {
	detail := &asked.Details[i]
	scope := detail.Type + ":" + detail.Actions[0]
	reason, why := c.withheld(client, detail.Type, detail.Actions[0])
	if reason == "" {
		reason, why = ReasonOtherResource, scope+" is granted, but not at the resource asked for"
	}
	return exceeds(detailAt(i)+".type", reason, why, Scope{scope})
}

func exceeds(member string, reason Reason, why string, missing Scope) error {
	refusal := wrongDetails(member, "exceeds what is granted")
	refusal.Reason, refusal.Err, refusal.Missing = reason, errors.New(why), missing
	return refusal
}
