package admin

import (
	"bytes"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// checkAuth writes onto the client how it authenticates, and notes what is wrong. A client has secrets, keys or a name
// in its certificates, never two of them: when it changes from the one to the other, it loses what it had.
func checkAuth(outcome *Outcome, change ClientChange, errs *FieldErrors) {
	client := outcome.Client
	if change.AuthMethod != nil {
		client.AuthMethod = *change.AuthMethod
	}
	method := client.AuthMethod
	if !slices.Contains(oauth.AuthMethods, method) {
		errs.add("/auth_method", "unknown", "auth_method must be one of %q", oauth.AuthMethods)
		return
	}
	if n := len(client.Secrets); method != oauth.AuthSecret && n > 0 {
		outcome.warn("Its secrets end with this change: it authenticates by %s alone. (There are %d.)", method, n)
		client.Secrets = nil
	}
	if method == oauth.AuthPrivateKeyJWT || method == oauth.AuthSelfSignedTLS {
		checkKeys(client, change, errs)
	} else {
		refuseKeys(client, change, errs)
	}
	checkCertificate(client, change, errs)
}

// refuseKeys takes its keys from a client that has no use for them.
func refuseKeys(client *oauth.Client, change ClientChange, errs *FieldErrors) {
	client.Keys, client.KeysURL = nil, ""
	const detail = "only a credential that authenticates by %s or %s has keys"
	if change.saysKeys() {
		errs.add("/jwks", "not_allowed", detail, oauth.AuthPrivateKeyJWT, oauth.AuthSelfSignedTLS)
	}
	if change.saysKeysURL() {
		errs.add("/jwks_uri", "not_allowed", detail, oauth.AuthPrivateKeyJWT, oauth.AuthSelfSignedTLS)
	}
}

// checkKeys writes the keys onto the client, or where they are. The one takes the place of the other.
func checkKeys(client *oauth.Client, change ClientChange, errs *FieldErrors) {
	if change.JWKS != nil {
		client.Keys = nil
	}
	if change.JWKSURI != nil {
		client.KeysURL = ""
	}
	parse := oauth.ParseClientKeys
	if client.AuthMethod == oauth.AuthSelfSignedTLS {
		parse = oauth.ParseClientCertificates
	}
	switch {
	case change.saysKeys() && change.saysKeysURL():
		errs.add("/jwks_uri", "contradictory", "say either jwks or jwks_uri")
	case change.saysKeys():
		keys, faults := parse(*change.JWKS)
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
	case client.AuthMethod == oauth.AuthSelfSignedTLS && slices.ContainsFunc(client.Keys, uncertified):
		errs.add("/jwks", "required", "say the public keys again, each with its certificate in x5c")
	}
}

func uncertified(key jose.JSONWebKey) bool { return len(key.Certificates) == 0 }

// checkCertificate writes onto the client what its certificates say. What is said takes the place of what was.
func checkCertificate(client *oauth.Client, change ClientChange, errs *FieldErrors) {
	name := client.Certificate
	if value, said := change.Certificate[name.Field]; said && value == "" {
		name = oauth.CertificateName{}
	}
	said := 0
	for _, field := range oauth.CertificateFields {
		value := change.Certificate[field]
		if value == "" {
			continue
		}
		name = oauth.CertificateName{Field: field, Value: value}
		switch said++; {
		case client.AuthMethod != oauth.AuthTLS:
			errs.add("/"+string(field), "not_allowed", "only a credential that authenticates by %s has this", oauth.AuthTLS)
		case said > 1: // RFC 8705 §2.1.2.
			errs.add("/"+string(field), "contradictory", "say what its certificates say in one way")
		default:
			if err := name.Check(); err != nil {
				errs.add("/"+string(field), "invalid", "%s", err)
			}
		}
	}
	switch {
	case client.AuthMethod != oauth.AuthTLS:
		name = oauth.CertificateName{}
	case name.Field == "":
		errs.add("/"+string(oauth.SubjectDN), "required", "say what its certificates say: their subject, or a name in subjectAltName, by one of %v", oauth.CertificateFields)
	}
	client.Certificate = name
}

func (c *ClientChange) saysKeys() bool {
	return c.JWKS != nil && !bytes.Equal(*c.JWKS, []byte("null"))
}

func (c *ClientChange) saysKeysURL() bool { return c.JWKSURI != nil && *c.JWKSURI != "" }
