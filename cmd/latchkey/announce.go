package main

import (
	"bytes"
	"io"
	"net/url"
	"text/template"

	"github.com/latchkey-auth/latchkey/admin"
)

// announcement shows the first operator's link, the first credential and, where there is something to try, what to do
// with it. All of it can be pasted into a POSIX shell. README.md shows the same commands.
const announcement = `{{with .Link}}
# The console. {{$.Email}} sets a password with this link, once and within 24 hours.

# {{.}}
{{end}}{{if .ID}}
# The first management credential. Its secret is shown only now.

ID={{.ID}} SECRET={{.Secret}}

# 1. A token of the management API. Type this and the line above into another terminal.

TOKEN=$(curl -s -u "$ID:$SECRET" -d grant_type=client_credentials {{.Issuer}}/oauth/token |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/')
{{if .Example}}
# 2. A credential that may read profiles in one workspace.

CREATED=$(curl -s {{.Issuer}}/admin/v1/credentials \
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{"name": "Fraud scoring worker",
       "grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}')
echo "$CREATED"

# 3. A token for that credential.

CLIENT_ID=$(echo "$CREATED" | sed 's/.*"client_id":"\([^"]*\)".*/\1/')
CLIENT_SECRET=$(echo "$CREATED" | sed 's/.*"client_secret":"\([^"]*\)".*/\1/')
curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials -d scope=profile:read \
  {{.Issuer}}/oauth/token
{{end}}{{end}}
`

// announce writes it all at once, so that no log line comes between.
func announce(stdout io.Writer, o *options, first *admin.First) error {
	var shown struct {
		Email, Link        string
		ID, Secret, Issuer string
		Example            bool
	}
	shown.Issuer, shown.Example = o.Issuer, o.Dev
	if operator := first.Operator; operator != nil {
		shown.Email, shown.Link = operator.Email, welcomeLink(o.Issuer, operator)
	}
	if client := first.Client; client != nil {
		shown.ID, shown.Secret = client.ID, client.Secret.Reveal()
	}
	var text bytes.Buffer
	err := template.Must(template.New("announcement").Parse(announcement)).Execute(&text, shown)
	if err != nil {
		return err
	}
	_, err = text.WriteTo(stdout)
	return err
}

// welcomeLink is where an operator sets a password. The token stands in the fragment, which no browser sends and no log
// keeps.
func welcomeLink(issuer string, invitation *admin.Invitation) string {
	fragment := url.Values{"email": {invitation.Email}, "token": {invitation.Token.Reveal()}}
	return issuer + "/console/#/welcome?" + fragment.Encode()
}
