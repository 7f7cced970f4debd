package admin

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The answers of a use case that was refused, beside oauth.ErrNotFound and FieldErrors.
var (
	// ErrNameTaken: another client of the org, or another tenant beside it, has the name.
	ErrNameTaken = errors.New("the name is taken")
	// ErrNoUsableSecret: an active client must be able to authenticate.
	ErrNoUsableSecret = errors.New("the credential has no usable secret")
	// ErrPreconditionRequired: what is there is replaced only by whoever says which version they saw.
	ErrPreconditionRequired = errors.New("the thing exists: say which version of it is to be replaced")
	// ErrReserved: the server itself keeps its management API.
	ErrReserved = errors.New("the API " + ManagementAPI + " is kept by the server")
	// ErrTwoSecrets: two secrets are usable already.
	ErrTwoSecrets = errors.New("two secrets are usable already")
	// ErrNotPrevious: only the previous secret has a deadline that can be moved.
	ErrNotPrevious = errors.New("the secret is not the previous one")
	// ErrLastSecret: an active client that authenticates by a secret keeps a usable one.
	ErrLastSecret = errors.New("it is the last usable secret of an active credential")
	// ErrKeysInstead: a client that authenticates by its keys has no secrets.
	ErrKeysInstead = errors.New("the credential authenticates by its keys")
	// ErrEmailTaken: another operator signs in with the e-mail address.
	ErrEmailTaken = errors.New("the e-mail address is taken")
	// ErrLastAdmin: nobody would be left who may manage operators in the whole installation.
	ErrLastAdmin = errors.New("nobody else may manage operators in the whole installation")
	// ErrSignIn: there is no such operator, or it may not sign in, or the password is wrong. Nobody is told which.
	ErrSignIn = errors.New("sign-in failed")
	// ErrCodeMissing: the password is right, and the operator has a second factor.
	ErrCodeMissing = errors.New("a code of the second factor is missing")
	// ErrCodeWrong: the password is right, and the code of the second factor is not, or was used already.
	ErrCodeWrong = errors.New("the code of the second factor is wrong")
	// ErrNoRole: whoever signs in at another provider is given no role here, or one in an org that there is not.
	ErrNoRole = errors.New("no role is given to whoever signs in so")
	// ErrNoSession: the session has ended, or there never was one.
	ErrNoSession = errors.New("no such session")
	// ErrBadCursor: a page cursor that this server did not give out for this very list.
	ErrBadCursor = errors.New("the cursor does not belong to this list")
)

// StaleError says that the thing is no longer the version its caller saw.
type StaleError struct {
	// Current is the version it has now.
	Current int64
}

func (e *StaleError) Error() string { return fmt.Sprintf("the version is now %d", e.Current) }

// ForbiddenError says that the actor lacks a permission of the management API.
type ForbiddenError struct {
	// Permission is written as a scope: "latchkey:credentials:write".
	Permission string
	// Everywhere: it is needed in the whole installation, and the actor has it in one org at most.
	Everywhere bool
	// Reason is why the permission does not suffice, if the actor holds it there; else empty.
	Reason string
}

func (e *ForbiddenError) Error() string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Everywhere:
		return "the permission " + e.Permission + " in the whole installation is missing"
	default:
		return "the permission " + e.Permission + " is missing"
	}
}

// BackoffError says that there were too many failures, and when to try again.
type BackoffError struct{ Wait time.Duration }

func (e *BackoffError) Error() string {
	return fmt.Sprintf("too many failures: try again in %s", e.Wait)
}

// FieldError says what is wrong with one field of what was sent.
type FieldError struct {
	// Pointer is the field as an RFC 6901 JSON pointer: "/grants/0/permissions/1".
	Pointer string
	// Code is for programs: "required", "unknown", "not_allowed".
	Code string
	// Detail is for people.
	Detail string
}

// FieldErrors are all that is wrong with what was sent, at once.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	texts := make([]string, len(e))
	for i, field := range e {
		texts[i] = field.Pointer + ": " + field.Detail
	}
	return strings.Join(texts, "; ")
}

// The limits of what is answered about one request, for much of it is what the caller sent.
const (
	maxFieldErrors = 100
	maxDetailChars = 300
)

// add notes one more, as long as there are not too many.
func (e *FieldErrors) add(pointer, code, format string, args ...any) {
	if len(*e) >= maxFieldErrors {
		return
	}
	detail := fmt.Sprintf(format, args...)
	if runes := []rune(detail); len(runes) > maxDetailChars {
		detail = string(runes[:maxDetailChars]) + "…"
	}
	*e = append(*e, FieldError{Pointer: pointer, Code: code, Detail: detail})
}

// addBelow notes the errors of a value that stands at the pointer.
func (e *FieldErrors) addBelow(at string, errs FieldErrors) {
	for _, field := range errs {
		e.add(at+field.Pointer, field.Code, "%s", field.Detail)
	}
}

// orNil answers the errors as an error: nil when there are none.
func (e FieldErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}
