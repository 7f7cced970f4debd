package cli

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// allowed is what a credential shall be granted, as options say it.
type allowed struct {
	Allow []string `sep:"none" placeholder:"API:PERMISSION[@WHERE]" help:"Grant a permission; may repeat. WHERE is one place or several with commas between: workspaces, accounts, org, or installation."`
	In    []string `placeholder:"PLACE" help:"Where the permissions hold that name no place themselves: ids of workspaces or accounts. An account means all of its workspaces, now and later, to an API whose permissions hold in workspaces."`
}

// The places that are no ids.
const (
	everywhere = "installation"
	inOrg      = "org"
)

// listedAPI is what the catalogue says of an API.
type listedAPI struct {
	Key         string `json:"key"`
	Name        string `json:"name"`
	Audience    string `json:"audience"`
	Level       string `json:"level"`
	Choice      string `json:"choice"`
	Status      string `json:"status"`
	Permissions []struct {
		Key string `json:"key"`
	} `json:"permissions"`
}

func (l *listedAPI) has(permission string) bool {
	for _, known := range l.Permissions {
		if known.Key == permission {
			return true
		}
	}
	return false
}

// grants makes grants of the options. The catalogue says at which level an API's permissions hold, and so what a
// place means; where none is named it is left out, and the server chooses if there is only one.
func (o *allowed) grants(ctx context.Context, a *api) ([]grant, error) {
	if len(o.Allow) == 0 {
		return nil, misused("--allow profile:read --in ws_eu_prod", "nothing is to be granted")
	}
	got, err := a.get(ctx, "apis")
	if err != nil {
		return nil, err
	}
	var catalogue struct {
		Data []listedAPI `json:"data"`
	}
	if err := got.decode(&catalogue); err != nil {
		return nil, err
	}
	levels := levels{api: a, known: make(map[string]string)}
	var grants []grant
	for _, text := range o.Allow {
		made, err := o.grant(ctx, catalogue.Data, levels, text)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(grants, func(g grant) bool { return g.API == made.API })
		switch {
		case at < 0:
			grants = append(grants, made)
		case compact(grants[at].AppliesTo) != compact(made.AppliesTo):
			return nil, misused("name the same places, or make two credentials", "a credential has one grant of an API, and %s is to hold in different places", made.API)
		case !slices.Contains(grants[at].Permissions, made.Permissions[0]):
			grants[at].Permissions = append(grants[at].Permissions, made.Permissions[0])
		}
	}
	return grants, nil
}

// grant reads one API:PERMISSION[@WHERE].
func (o *allowed) grant(ctx context.Context, catalogue []listedAPI, levels levels, text string) (grant, error) {
	key, permission, ok := strings.Cut(text, ":")
	if !ok {
		return grant{}, misused("write it as profile:read", "%q names no permission", text)
	}
	at := slices.IndexFunc(catalogue, func(l listedAPI) bool { return l.Key == key })
	if at < 0 {
		return grant{}, misused("latchkey apis list", "there is no API %q", key)
	}
	listed := catalogue[at]
	where := o.In
	if !listed.has(permission) { // A permission may have an @ in it.
		if cut := strings.LastIndexByte(permission, '@'); cut >= 0 {
			where, permission = strings.Split(permission[cut+1:], ","), permission[:cut]
		}
	}
	if !listed.has(permission) {
		return grant{}, misused("latchkey apis get "+key, "%s has no permission %q", key, permission)
	}
	made := grant{API: key, Permissions: []string{permission}}
	if len(where) == 0 {
		return made, nil
	}
	made.AppliesTo = new(places)
	for _, place := range where {
		if err := made.AppliesTo.add(ctx, levels, listed, place); err != nil {
			return grant{}, err
		}
	}
	return made, nil
}

// add adds a place, if the API's permissions can hold there.
func (p *places) add(ctx context.Context, levels levels, listed listedAPI, place string) error {
	level := place
	if place != everywhere && place != inOrg {
		var err error
		if level, err = levels.of(ctx, place); err != nil {
			return err
		}
	}
	switch listed.Level + " in " + level {
	case "workspace in workspace":
		p.Workspaces = append(p.Workspaces, place)
	case "workspace in account":
		p.AllWorkspacesOf = append(p.AllWorkspacesOf, place)
	case "account in account":
		p.Accounts = append(p.Accounts, place)
	case "installation in installation":
		p.Installation = true
	case "org in org", "installation in org":
		if place != inOrg {
			return misused("write @org", "%s holds throughout the credential's own organization, which needs no id", listed.Key)
		}
		p.Org = true
	default:
		return misused("write --allow "+listed.Key+":PERMISSION@WHERE to name other places for it",
			"permissions of %s hold in the %s, and %s is none", listed.Key, listed.Level, place)
	}
	return nil
}

// levels looks up the levels of tenants, each once.
type levels struct {
	api   *api
	known map[string]string
}

func (l levels) of(ctx context.Context, id string) (string, error) {
	if level, known := l.known[id]; known {
		return level, nil
	}
	got, err := l.api.get(ctx, "tenants", id)
	if isNotFound(err) {
		return "", misused("latchkey tenants list --search "+quote(id), "there is no place %q within your reach", id)
	}
	if err != nil {
		return "", err
	}
	var tenant tenant
	err = got.decode(&tenant)
	l.known[id] = tenant.Level
	return tenant.Level, err
}

// compact writes a value as JSON on one line, and a text as it is.
func compact(value any) string {
	switch value := value.(type) {
	case nil:
		return "-"
	case string:
		return value
	}
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return "-"
	}
	return string(text)
}

// quote writes a text so that it can be typed into a POSIX shell as one word.
func quote(text string) string {
	plain := func(char rune) bool { return !strings.ContainsRune(" \t\n\"'`$\\&|;<>()*?[]{}#~!", char) }
	if text != "" && strings.IndexFunc(text, func(char rune) bool { return !plain(char) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// filter puts the options of a list that were given into its query.
func filter(pairs ...string) url.Values {
	query := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	return query
}
