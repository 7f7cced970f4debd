package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"
)

// The exit codes beside 0, which scripts may rely on: latchkey help exit-codes.
const (
	ExitFailed      = 1
	ExitUsage       = 2
	ExitRefused     = 4
	ExitConflict    = 5
	ExitInterrupted = 130
)

// ExitCodes explains the exit codes.
const ExitCodes = `  0  done
  1  the server or the network failed, or there is no such thing
  2  wrong usage; nothing was changed
  4  not signed in, or not allowed
  5  conflict: the name is taken, or somebody changed it meanwhile
130  interrupted
`

// Failure is why a command did not do what it should: what is wrong, what to do about it, and for whom to ask.
type Failure struct {
	Code      int
	Message   string
	Hint      string
	RequestID string
	problem   []byte // The problem document, if the server sent one.
}

// Error implements error.
func (f *Failure) Error() string { return f.Message }

// Print writes the failure in up to three lines or, if it came as a problem document and the output is to be JSON,
// that document.
func (f *Failure) Print(stderr io.Writer, asJSON bool) {
	if asJSON && f.problem != nil {
		fmt.Fprintln(stderr, escapeJSON(string(f.problem)))
		return
	}
	fmt.Fprintln(stderr, "error:", clean(f.Message))
	if f.Hint != "" {
		fmt.Fprintln(stderr, "hint:", clean(f.Hint))
	}
	if f.RequestID != "" {
		fmt.Fprintln(stderr, "request:", clean(f.RequestID))
	}
}

// misused is a mistake in how a command was called.
func misused(hint, format string, values ...any) error {
	return &Failure{Code: ExitUsage, Message: fmt.Sprintf(format, values...), Hint: hint}
}

// failed is what went wrong otherwise.
func failed(hint, format string, values ...any) error {
	return &Failure{Code: ExitFailed, Message: fmt.Sprintf(format, values...), Hint: hint}
}

// problem is what a client needs of a problem document (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
	InUse *struct {
		Total    string `json:"total"`
		Children []struct {
			ID string `json:"id"`
		} `json:"children"`
		Credentials []struct {
			ClientID string `json:"client_id"`
		} `json:"credentials"`
	} `json:"in_use"`
}

// text says all of it on one line.
func (p *problem) text() string {
	parts := []string{p.Title}
	switch {
	case len(p.Errors) == 0 && strings.HasPrefix(p.Detail, p.Title):
		parts[0] = p.Detail
	case len(p.Errors) == 0 && p.Detail != "":
		parts = append(parts, p.Detail)
	}
	for _, field := range p.Errors {
		parts = append(parts, strings.TrimSpace(field.Pointer+" "+field.Detail))
	}
	return strings.Join(parts, "; ")
}

// hangers names the first things that hang on another.
func (p *problem) hangers() string {
	const most = 5
	var ids []string
	for _, child := range p.InUse.Children {
		ids = append(ids, child.ID)
	}
	for _, credential := range p.InUse.Credentials {
		ids = append(ids, credential.ClientID)
	}
	if len(ids) > most {
		ids = append(ids[:most], "… "+p.InUse.Total+" in all")
	}
	return strings.Join(ids, " ")
}

// refusal makes a failure of an answer that is no success.
func refusal(status int, header http.Header, body []byte) *Failure {
	failure := &Failure{Code: ExitFailed, RequestID: header.Get("X-Request-Id")}
	switch status {
	case http.StatusUnauthorized:
		failure.Code, failure.Hint = ExitRefused, "latchkey login"
	case http.StatusForbidden:
		failure.Code, failure.Hint = ExitRefused, "latchkey whoami shows what this credential may do"
	case http.StatusConflict:
		failure.Code = ExitConflict
	case http.StatusPreconditionFailed:
		failure.Code, failure.Hint = ExitConflict, "somebody changed it meanwhile: look at what it is now, and repeat the command"
	case http.StatusServiceUnavailable:
		failure.Hint = "try again in a moment"
	}
	var read problem
	if !strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") || json.Unmarshal(body, &read) != nil {
		failure.Message = fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))
		if failure.Hint == "" {
			failure.Hint = "latchkey doctor"
		}
		return failure
	}
	failure.problem = body
	failure.Message = read.text()
	if read.InUse != nil {
		failure.Hint = "what hangs on it: " + read.hangers()
	}
	if read.RequestID != "" {
		failure.RequestID = read.RequestID
	}
	return failure
}

// unreachable makes a failure of an error of the transport, which may hold the refusal of a token.
func unreachable(ctx context.Context, issuer string, err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return noToken(refused)
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return failed("latchkey doctor", "%s does not answer: %s", issuer, cause(err))
	}
}

// noToken says why there was no token.
func noToken(refused *oauth2.RetrieveError) error {
	failure := &Failure{Code: ExitFailed, Message: "no token: " + refused.ErrorDescription, Hint: "latchkey doctor"}
	if refused.ErrorDescription == "" {
		failure.Message = fmt.Sprintf("no token: the server answered %s", refused.Response.Status)
	}
	failure.RequestID = refused.Response.Header.Get("X-Request-Id")
	switch {
	case refused.ErrorCode == "invalid_client":
		failure.Code, failure.Hint = ExitRefused, "the id or the secret is wrong, or the credential is off: latchkey login"
	case refused.ErrorCode != "" && refused.Response.StatusCode < http.StatusInternalServerError:
		failure.Code, failure.Hint = ExitRefused, "the credential is not granted what was asked for"
	}
	return failure
}

// cause is an error without the URLs that net/http puts before it.
func cause(err error) error {
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return errors.New("no answer within --timeout")
		}
		err = wrapped.Err
	}
	return err
}
