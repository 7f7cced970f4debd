package rest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// Problem is a refusal as RFC 9457 writes it.
type Problem struct {
	// Type is the last segment of the problem's type URI, which opens a page that explains it and gives its title.
	Type   string
	Status int
	Detail string
	// Errors are all that is wrong with the request's fields.
	Errors []admin.FieldError
	// CurrentVersion is the version that a stale precondition missed; 0 for none.
	CurrentVersion int64
	// InUse says what hangs on a thing that was to be changed or deleted; nil for nothing.
	InUse *admin.InUseError
}

type problemBody struct {
	Type           string       `json:"type"`
	Title          string       `json:"title"`
	Status         int          `json:"status"`
	Detail         string       `json:"detail,omitempty"`
	RequestID      string       `json:"request_id"`
	CurrentVersion int64        `json:"current_version,omitempty"`
	InUse          *inUse       `json:"in_use,omitempty"`
	Errors         []fieldError `json:"errors,omitempty"`
}

type fieldError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// retryAfter is how long, in seconds, a client should wait before it asks an unavailable server again.
const retryAfter = "1"

// fail answers an error of a use case. This is the one table from errors to responses; what is not in it is ours
// to fix, and the caller is told the request id alone. It is also where every refusal of an actor leaves its event,
// whichever use case it comes from: a refusal that leaves none is not answered.
func (a *API) fail(c *gin.Context, err error) {
	c.Error(err)
	if actor, known := c.Get(actorKey); known {
		attempt, target := attemptOf(c)
		if untold := a.refusals.Note(c.Request.Context(), actor.(admin.Actor), attempt, target, err); untold != nil {
			c.Error(untold)
			err = untold
		}
	}
	var (
		fields    admin.FieldErrors
		forbidden *admin.ForbiddenError
		stale     *admin.StaleError
		used      *admin.InUseError
		backoff   *admin.BackoffError
		body      *http.MaxBytesError
	)
	switch {
	case errors.As(err, &fields):
		a.write(c, Problem{Type: "invalid-fields", Status: http.StatusUnprocessableEntity, Errors: fields})
	case errors.As(err, &forbidden):
		if forbidden.Permission != "" {
			c.Header("WWW-Authenticate", a.bearerChallenge(`, error="insufficient_scope", scope="`+forbidden.Permission+`"`))
		}
		a.write(c, Problem{Type: "forbidden", Status: http.StatusForbidden, Detail: forbidden.Error()})
	case errors.As(err, &stale):
		c.Header("ETag", etag(stale.Current))
		a.write(c, Problem{Type: "stale", Status: http.StatusPreconditionFailed,
			Detail: "Read it again and repeat the change on what it is now.", CurrentVersion: stale.Current})
	case errors.Is(err, oauth.ErrNotFound):
		a.write(c, Problem{Type: "not-found", Status: http.StatusNotFound, Detail: "There is no such thing within your reach."})
	case errors.Is(err, admin.ErrSignIn):
		c.Header("WWW-Authenticate", a.bearerChallenge(""))
		a.write(c, Problem{Type: "sign-in-failed", Status: http.StatusUnauthorized,
			Detail: "The e-mail address or the password is wrong, or the operator may not sign in."})
	case errors.Is(err, admin.ErrCodeMissing), errors.Is(err, admin.ErrCodeWrong):
		c.Header("WWW-Authenticate", a.bearerChallenge(""))
		a.write(c, codeProblem(err))
	case errors.As(err, &backoff):
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(backoff.Wait.Seconds()))))
		a.write(c, Problem{Type: "too-many-failures", Status: http.StatusTooManyRequests,
			Detail: "Wait as long as Retry-After says."})
	case errors.Is(err, admin.ErrEmailTaken):
		a.write(c, Problem{Type: "email-taken", Status: http.StatusConflict,
			Detail: "Another operator has this e-mail address.",
			Errors: []admin.FieldError{{Pointer: "/email", Code: "taken", Detail: "choose another address"}}})
	case errors.Is(err, admin.ErrLastAdmin):
		a.write(c, Problem{Type: "last-admin", Status: http.StatusConflict,
			Detail: "Nobody would be left who may manage operators in the whole installation."})
	case errors.Is(err, admin.ErrNameTaken):
		a.write(c, Problem{Type: "name-taken", Status: http.StatusConflict,
			Detail: "Another credential of the organization, or another tenant beside it, has this name.",
			Errors: []admin.FieldError{{Pointer: "/name", Code: "taken", Detail: "choose another name"}}})
	case errors.Is(err, admin.ErrNoUsableSecret):
		a.write(c, Problem{Type: "no-usable-secret", Status: http.StatusConflict,
			Detail: "An active credential must be able to authenticate."})
	case errors.Is(err, oauth.ErrRotationRunning):
		a.write(c, Problem{Type: "rotation-running", Status: http.StatusConflict,
			Detail: "The next key has not been published for long enough."})
	case errors.As(err, &used):
		a.write(c, Problem{Type: "in-use", Status: http.StatusConflict, Detail: inUseDetail(used), InUse: used})
	case errors.Is(err, admin.ErrReserved):
		a.write(c, Problem{Type: "reserved", Status: http.StatusConflict, Detail: err.Error()})
	case errors.Is(err, admin.ErrPreconditionRequired):
		a.write(c, Problem{Type: "precondition-required", Status: http.StatusPreconditionRequired,
			Detail: "It exists already: read it first and send its ETag as If-Match."})
	case errors.Is(err, admin.ErrTwoSecrets):
		a.write(c, Problem{Type: "two-secrets", Status: http.StatusConflict,
			Detail: "Two secrets are usable already: stop one of them first."})
	case errors.Is(err, admin.ErrNotPrevious):
		a.write(c, Problem{Type: "not-previous", Status: http.StatusConflict,
			Detail: "Only the previous secret, while it is usable, has an end that can be moved."})
	case errors.Is(err, admin.ErrLastSecret):
		a.write(c, Problem{Type: "last-secret", Status: http.StatusConflict,
			Detail: "It is the last usable secret of an active credential."})
	case errors.Is(err, admin.ErrKeysInstead):
		a.write(c, Problem{Type: "keys-instead", Status: http.StatusConflict,
			Detail: "The credential authenticates by its keys and has no secrets."})
	case errors.Is(err, admin.ErrStillRunning):
		c.Header("Retry-After", retryAfter)
		a.write(c, Problem{Type: "still-running", Status: http.StatusConflict,
			Detail: "The request with this Idempotency-Key is still being worked on."})
	case errors.Is(err, admin.ErrKeyReused):
		a.write(c, Problem{Type: "invalid-fields", Status: http.StatusUnprocessableEntity, Errors: []admin.FieldError{
			{Pointer: "Idempotency-Key", Code: "reused", Detail: "the key has been used for another request: make a new one"}}})
	case errors.Is(err, admin.ErrBadCursor):
		a.malformed(c, "cursor", "invalid", "the cursor does not belong to this list: start again without one")
	case errors.As(err, &body):
		a.write(c, Problem{Type: "too-large", Status: http.StatusRequestEntityTooLarge,
			Detail: fmt.Sprintf("At most %d bytes are read.", body.Limit)})
	case errors.Is(err, oauth.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		c.Header("Retry-After", retryAfter)
		a.write(c, Problem{Type: "unavailable", Status: http.StatusServiceUnavailable,
			Detail: "Try again."})
	default:
		a.write(c, Problem{Type: "internal", Status: http.StatusInternalServerError,
			Detail: "Give the request id to whoever runs this server."})
	}
}

// codeProblem asks for a code of the second factor: again, if one was sent.
func codeProblem(err error) Problem {
	p := Problem{Type: "second-factor-required", Status: http.StatusUnauthorized,
		Detail: "Send the request again with a code of the authenticator app, or a recovery code."}
	if errors.Is(err, admin.ErrCodeWrong) {
		p.Errors = []admin.FieldError{{Pointer: "/code", Code: "invalid", Detail: "the code is wrong, or was used already: wait for the next one"}}
	}
	return p
}

// attemptOf answers what a request attempts, as a noun and a verb, and what it is aimed at: of a PATCH of
// /credentials/:client_id, "credential.change" and the client_id; of a POST to /credentials/:client_id/deactivate,
// "credential.deactivate".
func attemptOf(c *gin.Context) (attempt, target string) {
	_, path, _ := strings.Cut(c.FullPath(), "/admin/v1/")
	var nouns []string
	for segment := range strings.SplitSeq(path, "/") {
		if name, variable := strings.CutPrefix(segment, ":"); !variable {
			nouns = append(nouns, strings.ReplaceAll(segment, "-", "_"))
		} else if target == "" {
			target = c.Param(name)
		}
	}
	verb := map[string]string{
		http.MethodGet: "read", http.MethodPost: "create", http.MethodPut: "put", http.MethodPatch: "change", http.MethodDelete: "delete",
	}[c.Request.Method]
	if last := nouns[len(nouns)-1]; verb == "create" && target != "" && !strings.HasSuffix(last, "s") {
		verb, nouns = last, nouns[:len(nouns)-1]
	}
	for i, noun := range nouns {
		nouns[i] = strings.TrimSuffix(noun, "s")
	}
	return strings.Join(nouns, "_") + "." + verb, target
}

// malformed answers 400 and names the one field that could not be read: a JSON pointer into the body, or the name
// of a query parameter or header.
func (a *API) malformed(c *gin.Context, pointer, code, detail string) {
	a.write(c, Problem{Type: "malformed", Status: http.StatusBadRequest, Detail: detail,
		Errors: []admin.FieldError{{Pointer: pointer, Code: code, Detail: detail}}})
}

func (a *API) write(c *gin.Context, p Problem) { WriteProblem(c, a.issuer.URL(), p) }

// WriteProblem answers the problem of an issuer's API and ends the request.
func WriteProblem(c *gin.Context, issuer string, p Problem) {
	body := problemBody{
		Type: issuer + "/problems/" + p.Type, Title: explanations[p.Type].Title, Status: p.Status, Detail: p.Detail,
		RequestID: c.GetString("request_id"), CurrentVersion: p.CurrentVersion,
	}
	for _, field := range p.Errors {
		body.Errors = append(body.Errors, fieldError(field))
	}
	if p.InUse != nil {
		body.InUse = inUseOf(p.InUse)
	}
	c.Set("error_code", p.Type)
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Type", "application/problem+json")
	c.Abort()
	c.PureJSON(p.Status, body)
}
