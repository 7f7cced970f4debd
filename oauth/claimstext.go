package oauth

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// appendClaims appends claims in JSON, as the tags of [bearer.Claims] say, but that a list which is nil is
// an empty one, and a status without a list is none. What is no UTF-8 is mended.
//
// encoding/json finds its way through the claims and the answer by reflection, anew for every token, and keeps its own text of
// them. Over paired runs, a token took 3 % less of the processor this way.
func appendClaims(text []byte, c *bearer.Claims) []byte {
	text = appendText(append(text, `{"iss":`...), c.Issuer)
	text = appendText(append(text, `,"sub":`...), c.Subject)
	text = appendText(append(text, `,"client_id":`...), c.ClientID)
	text = appendTexts(append(text, `,"aud":`...), c.Audience)
	text = strconv.AppendInt(append(text, `,"iat":`...), c.IssuedAt, 10)
	text = strconv.AppendInt(append(text, `,"exp":`...), c.ExpiresAt, 10)
	text = appendText(append(text, `,"jti":`...), c.ID)
	text = appendText(append(text, `,"scope":`...), c.Scope)
	text = appendText(append(text, `,"org_id":`...), c.OrgID)
	text = appendDetails(append(text, `,"authorization_details":`...), c.AuthorizationDetails)
	if c.NotBefore != 0 {
		text = strconv.AppendInt(append(text, `,"nbf":`...), c.NotBefore, 10)
	}
	if c.Status != nil && c.Status.List != nil {
		text = strconv.AppendInt(append(text, `,"status":{"status_list":{"idx":`...), c.Status.List.Index, 10)
		text = append(appendText(append(text, `,"uri":`...), c.Status.List.URI), "}}"...)
	}
	if c.Confirmation != nil {
		members, _ := json.Marshal(c.Confirmation) // Two strings.
		text = append(append(text, `,"cnf":`...), members...)
	}
	return append(text, '}')
}

// AppendJSON appends the answer of RFC 6749 §5.1. Its details are there if they were asked for (RFC 9396 §7).
func (t *Token) AppendJSON(text []byte) []byte {
	text = append(append(append(text, `{"access_token":"`...), t.Access...), '"') // A JWS needs no escapes (RFC 7515 §7.1).
	text = appendText(append(text, `,"token_type":`...), t.Type)
	text = strconv.AppendInt(append(text, `,"expires_in":`...), int64(t.Lifetime/time.Second), 10)
	text = appendText(append(text, `,"scope":`...), t.Scope.String())
	if len(t.Details) > 0 {
		text = appendDetails(append(text, `,"authorization_details":`...), t.Details)
	}
	return append(text, '}')
}

func appendDetails(text []byte, details []Detail) []byte {
	text = append(text, '[')
	for i := range details {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendDetail(text, &details[i])
	}
	return append(text, ']')
}

func appendDetail(text []byte, d *Detail) []byte {
	text = appendText(append(text, `{"type":`...), d.Type)
	text = appendTexts(append(text, `,"actions":`...), d.Actions)
	if d.Installation {
		text = append(text, `,"installation":true`...)
	}
	if d.Org {
		text = append(text, `,"org":true`...)
	}
	if len(d.Accounts) > 0 {
		text = appendTexts(append(text, `,"accounts":`...), d.Accounts)
	}
	if len(d.Workspaces) > 0 {
		text = appendTexts(append(text, `,"workspaces":`...), d.Workspaces)
	}
	if len(d.AllWorkspacesOf) > 0 {
		text = appendTexts(append(text, `,"all_workspaces_of":`...), d.AllWorkspacesOf)
	}
	return append(text, '}')
}

func appendTexts(text []byte, values []string) []byte {
	text = append(text, '[')
	for i, value := range values {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendText(text, value)
	}
	return append(text, ']')
}

func appendText(text []byte, value string) []byte {
	text, _ = jsontext.AppendQuote(text, value) // The error says that it was no UTF-8.
	return text
}
