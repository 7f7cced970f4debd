package cli

import (
	"context"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// Token is a command.
type Token struct {
	connection
	report
	Scope    []string `placeholder:"API:PERMISSION" help:"Ask for these permissions alone; all that are granted, if left out."`
	Resource []string `placeholder:"URI" help:"Ask for these audiences alone."`
	Details  string   `placeholder:"JSON" help:"Ask for these authorization_details (RFC 9396)."`
	Decode   bool     `help:"Print what the token says, and not the token."`
}

// Run implements the command.
func (c *Token) Run(ctx context.Context, s *Session) error {
	if c.Output != "table" && !c.Decode {
		return misused("add --decode", "a token alone is printed as it is, and not as %s", c.Output)
	}
	a, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	a.token.Scopes = c.Scope
	a.token.EndpointParams = map[string][]string{"resource": c.Resource}
	if c.Details != "" {
		a.token.EndpointParams.Set("authorization_details", c.Details)
	}
	got, err := a.token.Token(context.WithValue(ctx, oauth2.HTTPClient, a.plain))
	if err != nil {
		return unreachable(ctx, a.issuer, err)
	}
	if !c.Decode {
		_, err := s.Stdout.Write([]byte(clean(got.AccessToken) + "\n"))
		return err
	}
	read, err := jwt.ParseSigned(got.AccessToken, []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512,
		jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512, jose.EdDSA})
	if err != nil {
		return failed("", "the token cannot be decoded: %s", err)
	}
	decoded := decodedToken{Header: make(map[string]any)}
	head := read.Headers[0]
	decoded.Header["alg"], decoded.Header["kid"] = head.Algorithm, head.KeyID
	for name, value := range head.ExtraHeaders {
		decoded.Header[string(name)] = value
	}
	if err := read.UnsafeClaimsWithoutVerification(&decoded.Claims); err != nil {
		return failed("", "the token cannot be decoded: %s", err)
	}
	s.note("This is what the token says. Its signature was not verified here.")
	return s.show(c.Output, view{value: decoded, table: decoded.rows()})
}

// decodedToken is what a token says.
type decodedToken struct {
	Header map[string]any `json:"header"`
	Claims map[string]any `json:"claims"`
}

// rows lays it out, the header first, with dates that people can read.
func (d *decodedToken) rows() table {
	rows := table{{"PART", "NAME", "VALUE"}}
	for _, part := range []struct {
		name    string
		members map[string]any
	}{{"header", d.Header}, {"claims", d.Claims}} {
		names := make([]string, 0, len(part.members))
		for name := range part.members {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			value := compact(part.members[name])
			if seconds, ok := part.members[name].(float64); ok && slices.Contains([]string{"exp", "iat", "nbf"}, name) {
				instant := time.Unix(int64(seconds), 0)
				value += " (" + when(&instant) + ")"
			}
			rows = append(rows, []string{part.name, name, value})
		}
	}
	return rows
}
