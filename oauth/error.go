package oauth

import (
	"errors"
	"time"
)

// Code is an error code of the protocol, as a client reads it.
type Code string

// The error codes of RFC 6749 §5.2, RFC 8707 §2, RFC 9396 §5, RFC 9449 §12.2 and, for ours to fix, §4.1.2.1.
const (
	InvalidRequest       Code = "invalid_request"
	InvalidClient        Code = "invalid_client"
	UnauthorizedClient   Code = "unauthorized_client"
	UnsupportedGrantType Code = "unsupported_grant_type"
	InvalidScope         Code = "invalid_scope"
	InvalidTarget        Code = "invalid_target"
	InvalidDPoPProof     Code = "invalid_dpop_proof"
	UseDPoPNonce         Code = "use_dpop_nonce"
	// SlowDown is the code of RFC 8628 §3.5, of all in the IANA registry the one that says it.
	SlowDown Code = "slow_down"

	InvalidAuthorizationDetails Code = "invalid_authorization_details"
)

// Error is a refusal the client is told about: a code and a description for it, and a cause for our log only.
// Any other error is a fault of ours, and its text reaches nobody outside.
type Error struct {
	Code Code
	// Description explains the refusal in the characters RFC 6749 §5.2 allows: printable ASCII without " and \.
	Description string
	// Err is the private cause. It may be nil.
	Err error
	// Reason is the private cause in one word, for the administrator's counts; empty if the Code says it all.
	Reason Reason
	// Wait is, for SlowDown, after how long the same request may succeed.
	Wait time.Duration
	// Missing are the permissions, as scopes, for want of which the request was refused.
	Missing Scope

	// Whom the refusal concerns and by which secret, where that is known.
	client *Client
	secret *Secret
}

func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Description
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

var (
	// ErrNotFound is wrapped by a Store that holds no such thing.
	ErrNotFound = errors.New("not found")
	// ErrConflict is wrapped by a Store when a unique value is already taken.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable says that the database, or the security module that signs, cannot be asked at the moment.
	// It says nothing about what was asked for: it must never be taken for ErrNotFound.
	ErrUnavailable = errors.New("unavailable at the moment")
)
