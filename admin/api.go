package admin

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// DeclaredAPI is what an administrator says an API shall be.
type DeclaredAPI struct {
	Key         string             `json:"key"`
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Audience    string             `json:"audience"`
	Level       oauth.Level        `json:"level"`
	Choice      oauth.Choice       `json:"choice"`
	Permissions []oauth.Permission `json:"permissions"`
	GrantableBy []string           `json:"grantable_by"`
	// TokenLifetime is in seconds.
	TokenLifetime int64 `json:"token_lifetime"`
	// SigningAlg may be left out; then the installation's is used.
	SigningAlg jose.SignatureAlgorithm `json:"signing_alg"`
	// Status may be left out: a new API is active, another stays what it is.
	Status oauth.Status `json:"status"`
}

// The limits of what an administrator may say about an API.
const (
	maxKeyChars      = 64
	maxAudienceChars = 1000
	maxSentenceChars = 200
)

// MaxTokenLifetime is the longest that tokens of an API may live, and so the longest that any may.
const MaxTokenLifetime = 24 * time.Hour

// api answers the API that is declared, or all that is wrong with it. Before is what is there; nil for nothing.
func (d DeclaredAPI) api(before *oauth.API, management string) (oauth.API, error) {
	var errs FieldErrors
	api := oauth.API{
		Key: d.Key, Name: d.Name, Description: d.Description, Audience: d.Audience, Level: d.Level, Choice: d.Choice,
		Permissions: append([]oauth.Permission{}, d.Permissions...), GrantableBy: append([]string{}, d.GrantableBy...),
		TokenLifetime: time.Duration(d.TokenLifetime) * time.Second, SigningAlg: d.SigningAlg, Status: d.Status,
	}
	if !isSlug(d.Key) {
		errs.add("/key", "invalid", "a key has 1 to %d small letters of ASCII, digits and single hyphens, and begins with a letter", maxKeyChars)
	}
	checkName(d.Name, "/name", &errs)
	checkText(d.Description, "/description", maxNoteChars, true, &errs)
	checkAudience(d.Audience, management, &errs)
	if d.Level != oauth.LevelOrg && d.Level != oauth.LevelAccount && d.Level != oauth.LevelWorkspace {
		errs.add("/level", "unknown", "level must be %q, %q or %q", oauth.LevelOrg, oauth.LevelAccount, oauth.LevelWorkspace)
	}
	if d.Choice != oauth.ChoiceOne && d.Choice != oauth.ChoiceMany {
		errs.add("/choice", "unknown", "choice must be %q or %q", oauth.ChoiceOne, oauth.ChoiceMany)
	}
	checkPermissions(d.Permissions, &errs)
	checkRoles(d.GrantableBy, &errs)
	if longest := int64(MaxTokenLifetime / time.Second); d.TokenLifetime < 1 || d.TokenLifetime > longest {
		errs.add("/token_lifetime", "out_of_range", "token_lifetime must be from 1 to %d seconds", longest)
	}
	if d.SigningAlg != "" && !slices.Contains(oauth.SigningAlgorithms, d.SigningAlg) {
		errs.add("/signing_alg", "unknown", "signing_alg must be one of %s", oauth.SigningAlgorithms)
	}
	switch {
	case d.Status != "":
		checkStatus(d.Status, &errs)
	case before != nil:
		api.Status = before.Status
	default:
		api.Status = oauth.StatusActive
	}
	return api, errs.orNil()
}

// isSlug reports whether the text may be the first half of a scope: no colon ends it too early.
func isSlug(text string) bool {
	odd := func(char rune) bool {
		return !('a' <= char && char <= 'z') && !('0' <= char && char <= '9') && char != '-'
	}
	return text != "" && len(text) <= maxKeyChars && !strings.ContainsFunc(text, odd) &&
		'a' <= text[0] && text[0] <= 'z' && !strings.Contains(text, "--") && !strings.HasSuffix(text, "-")
}

// checkAudience holds that it is an absolute URI without a fragment (RFC 8707 §2), and not the management API's.
func checkAudience(audience, management string, errs *FieldErrors) {
	address, err := url.Parse(audience)
	switch {
	case audience == "":
		errs.add("/audience", "required", "an absolute URI such as https://api.example.com is required")
	case len(audience) > maxAudienceChars:
		errs.add("/audience", "too_long", "at most %d characters are allowed", maxAudienceChars)
	case err != nil || !isVSCHAR(audience) || strings.ContainsAny(audience, ` "<>\^`+"`{|}") ||
		!address.IsAbs() || address.Host == "" && address.Opaque == "":
		errs.add("/audience", "invalid", "this is not an absolute URI such as https://api.example.com")
	case strings.Contains(audience, "#"):
		errs.add("/audience", "invalid", "the audience must have no fragment")
	case audience == management:
		errs.add("/audience", "reserved", "this is the audience of the management API")
	}
}

func checkPermissions(permissions []oauth.Permission, errs *FieldErrors) {
	switch {
	case len(permissions) == 0:
		errs.add("/permissions", "required", "an API needs at least one permission")
	case len(permissions) > maxPermissions:
		errs.add("/permissions", "too_many", "at most %d permissions are allowed", maxPermissions)
		return
	}
	for i, permission := range permissions {
		at := pointer("/permissions", i)
		// As the second half of a scope it must be what RFC 6749 §3.3 allows.
		if token, err := oauth.ParseScope(permission.Key); err != nil || len(token) != 1 || len(permission.Key) > maxKeyChars {
			errs.add(at+"/key", "invalid", "a key has 1 to %d characters of printable ASCII without space, \" and \\", maxKeyChars)
		}
		if slices.ContainsFunc(permissions[:i], func(p oauth.Permission) bool { return p.Key == permission.Key }) {
			errs.add(at+"/key", "repeated", "the permission %q stands twice", permission.Key)
		}
		checkName(permission.Name, at+"/name", errs)
		checkText(permission.Description, at+"/description", maxNoteChars, true, errs)
		checkText(permission.Sentence, at+"/sentence", maxSentenceChars, false, errs)
	}
}

func checkRoles(roles []string, errs *FieldErrors) {
	known := []string{"admin", "compliance_admin", "viewer", "custom_role_admin"}
	if len(roles) > len(known) {
		errs.add("/grantable_by", "too_many", "there are but %d roles", len(known))
		return
	}
	for i, role := range roles {
		switch {
		case !slices.Contains(known, role):
			errs.add(pointer("/grantable_by", i), "unknown", "there is no role %.64q: choose from %s", role, strings.Join(known, ", "))
		case slices.Contains(roles[:i], role):
			errs.add(pointer("/grantable_by", i), "repeated", "the role %q stands twice", role)
		}
	}
}

func apiFields(api oauth.API) map[string]json.RawMessage {
	return marshalled(map[string]any{
		"name": api.Name, "description": api.Description, "audience": api.Audience, "level": api.Level, "choice": api.Choice,
		"permissions":    append([]oauth.Permission{}, api.Permissions...),
		"grantable_by":   append([]string{}, api.GrantableBy...),
		"token_lifetime": api.TokenLifetime / time.Second, "signing_alg": api.SigningAlg, "status": api.Status,
	})
}
