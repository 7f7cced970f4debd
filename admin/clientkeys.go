package admin

import (
	"bytes"
	"fmt"

	"github.com/latchkey-auth/latchkey/oauth"
)

// checkAuth writes onto the client how it authenticates, and notes what is wrong. A client has secrets or keys, never
// both: when it changes from the one to the other, it loses what it had.
func checkAuth(client *oauth.Client, change ClientChange, errs *FieldErrors) (warnings []string) {
	if change.AuthMethod != nil {
		client.AuthMethod = *change.AuthMethod
	}
	switch client.AuthMethod {
	case oauth.AuthSecret:
		client.Keys, client.KeysURL = nil, ""
		if change.saysKeys() {
			errs.add("/jwks", "not_allowed", "only a credential that authenticates by %s has keys", oauth.AuthPrivateKeyJWT)
		}
		if change.saysKeysURL() {
			errs.add("/jwks_uri", "not_allowed", "only a credential that authenticates by %s has keys", oauth.AuthPrivateKeyJWT)
		}
	case oauth.AuthPrivateKeyJWT:
		if n := len(client.Secrets); n > 0 {
			warnings = append(warnings, fmt.Sprintf("Its secrets end with this change: it authenticates by its keys alone. (There are %d.)", n))
		}
		client.Secrets = nil
		checkKeys(client, change, errs)
	default:
		errs.add("/auth_method", "unknown", "auth_method must be %q or %q", oauth.AuthSecret, oauth.AuthPrivateKeyJWT)
	}
	return warnings
}

// checkKeys writes the keys onto the client, or where they are. The one takes the place of the other.
func checkKeys(client *oauth.Client, change ClientChange, errs *FieldErrors) {
	if change.JWKS != nil {
		client.Keys = nil
	}
	if change.JWKSURI != nil {
		client.KeysURL = ""
	}
	switch {
	case change.saysKeys() && change.saysKeysURL():
		errs.add("/jwks_uri", "contradictory", "say either jwks or jwks_uri")
	case change.saysKeys():
		keys, faults := oauth.ParseClientKeys(*change.JWKS)
		for _, fault := range faults {
			errs.add("/jwks"+fault.Pointer, fault.Code, "%s", fault.Detail)
		}
		client.Keys, client.KeysURL = keys, ""
	case change.saysKeysURL():
		if err := oauth.CheckKeysURL(*change.JWKSURI); err != nil {
			errs.add("/jwks_uri", "invalid", "%s", err)
		}
		client.Keys, client.KeysURL = nil, *change.JWKSURI
	case client.Keys == nil && client.KeysURL == "":
		errs.add("/jwks", "required", "say the public keys as jwks, or where they are published as jwks_uri")
	}
}

func (c *ClientChange) saysKeys() bool {
	return c.JWKS != nil && !bytes.Equal(*c.JWKS, []byte("null"))
}

func (c *ClientChange) saysKeysURL() bool { return c.JWKSURI != nil && *c.JWKSURI != "" }
