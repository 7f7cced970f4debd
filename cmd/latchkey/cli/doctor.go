package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// maxSkew is how far a clock may be off before tokens seem to be expired, or not yet valid, to those who verify them.
const maxSkew = 30 * time.Second

// Doctor is a command.
type Doctor struct {
	connection
	report
}

// finding is the outcome of one check.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"` // ok, warning or failed.
	Detail string `json:"detail"`
}

// Run implements the command. Each check goes on from the one before; the first failure ends it.
func (c *Doctor) Run(ctx context.Context, s *Session) error {
	found, err := c.settle(s)
	if err != nil {
		return err
	}
	examined := &examination{settled: found, now: s.Now}
	err = examined.run(ctx)
	if err != nil {
		examined.note("failed", err.Error())
	}
	rows := table{{"CHECK", "RESULT", "DETAIL"}}
	for _, each := range examined.findings {
		rows = append(rows, []string{each.Check, each.Result, each.Detail})
	}
	if shown := s.show(c.Output, view{value: examined.findings, table: rows}); shown != nil {
		return shown
	}
	return err
}

// examination is what doctor has found so far.
type examination struct {
	settled
	now      func() time.Time
	check    string // The one that is under way.
	findings []finding
}

func (e *examination) note(result, detail string) {
	e.findings = append(e.findings, finding{e.check, result, detail})
}

func (e *examination) run(ctx context.Context) error {
	e.check = "settings"
	if err := e.settled.check(); err != nil {
		return err
	}
	e.note("ok", e.issuer.Value+" from "+e.issuer.Origin+", client ID from "+e.clientID.Origin+", secret from "+e.clientSecret.Origin)
	a := newAPI(ctx, e.settled)
	if err := e.server(ctx, a); err != nil {
		return err
	}
	e.check = "token"
	me, _, err := a.whoami(ctx)
	if err != nil {
		return err
	}
	e.note("ok", "accepted by the management API")
	e.check = "permissions"
	e.note("ok", me.ID+" in "+me.reach()+": "+strings.Join(me.Permissions, " "))
	return nil
}

// server checks what anybody can see of the server.
func (e *examination) server(ctx context.Context, a *api) error {
	e.check = "reachable"
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	response, err := a.public(ctx, a.issuer+"/.well-known/oauth-authorization-server", &metadata)
	if err != nil {
		return err
	}
	e.note("ok", a.issuer+" answers")
	e.check = "TLS"
	if response.TLS == nil {
		e.note("warning", "plain HTTP, which is for trying out on one machine")
	} else {
		e.note("ok", tls.VersionName(response.TLS.Version)+", the certificate is good until "+when(&response.TLS.PeerCertificates[0].NotAfter))
	}
	e.check = "metadata"
	if metadata.Issuer != a.issuer {
		return failed("use --issuer "+quote(metadata.Issuer), "the server calls itself %s, and tokens will say so", metadata.Issuer)
	}
	e.note("ok", "the issuer is "+metadata.Issuer)
	e.check = "keys"
	var keys struct {
		Keys []struct {
			KeyID string `json:"kid"`
		} `json:"keys"`
	}
	if _, err := a.public(ctx, metadata.JWKSURI, &keys); err != nil {
		return err
	}
	if len(keys.Keys) == 0 {
		return failed("", "%s has no keys", metadata.JWKSURI)
	}
	e.note("ok", fmt.Sprintf("%d at %s", len(keys.Keys), metadata.JWKSURI))
	e.check = "clock"
	return e.clock(response.Header.Get("Date"))
}

// clock compares the clocks, as far as a date in whole seconds tells.
func (e *examination) clock(date string) error {
	theirs, err := http.ParseTime(date)
	if err != nil {
		e.note("warning", "the server does not say what time it has")
		return nil
	}
	skew := e.now().Sub(theirs).Round(time.Second)
	if skew.Abs() > maxSkew {
		e.note("warning", fmt.Sprintf("this machine's clock is %s off the server's", skew))
		return nil
	}
	e.note("ok", fmt.Sprintf("within %s of the server's", maxSkew))
	return nil
}

// public reads what needs no token.
func (a *api) public(ctx context.Context, address string, value any) (*http.Response, error) {
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, failed("", "%q is no URL", address)
	}
	response, err := a.plain.Do(asked)
	if err != nil {
		return nil, unreachable(ctx, a.issuer, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, unreachable(ctx, a.issuer, err)
	case response.StatusCode != http.StatusOK:
		return nil, refusal(response.StatusCode, response.Header, body)
	case json.Unmarshal(body, value) != nil:
		return nil, failed("is it the URL of a Latchkey server?", "the answer of %s cannot be read", address)
	}
	return response, nil
}
