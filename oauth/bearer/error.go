package bearer

import (
	"errors"
	"fmt"
	"log/slog"
)

// What a [Refusal] refuses, and the status that [Verifier.Refuse] answers it with. An error that wraps none of them
// is a fault of ours or of the issuer, such as unreachable keys: the token cannot be blamed, and the answer is 503.
var (
	// ErrInvalidRequest: more than one token or a malformed one (RFC 6750 §3.1 invalid_request, status 400).
	ErrInvalidRequest = errors.New("invalid request")
	// ErrNoToken: the request brings no token (RFC 6750 §3.1: status 401, without an error code).
	ErrNoToken = errors.New("no token")
	// ErrInvalidToken: the token is not accepted (RFC 6750 §3.1 invalid_token, status 401).
	ErrInvalidToken = errors.New("invalid token")
	// ErrInvalidProof: the DPoP proof is not accepted (RFC 9449 §7.1 invalid_dpop_proof, status 401).
	ErrInvalidProof = errors.New("invalid DPoP proof")
	// ErrUseNonce: the DPoP proof needs a nonce of ours (RFC 9449 §9 use_dpop_nonce, status 401).
	ErrUseNonce = errors.New("DPoP nonce wanted")
	// ErrInsufficientScope: the token does not grant the permission (RFC 6750 §3.1 insufficient_scope, status 403).
	ErrInsufficientScope = errors.New("insufficient scope")
	// ErrForeignPlace: the permission does not hold there. The status is 404, as if nothing were there.
	ErrForeignPlace = errors.New("foreign place")
)

// ErrUnknownKey is answered by a [KeySource] that has no key with the wanted id.
var ErrUnknownKey = errors.New("unknown key")

// Refusal says why a request was refused: one reason, for the log and not for the caller. It never holds the token
// or the proof.
type Refusal struct {
	// Kind is one of the errors above, and what the Refusal unwraps to.
	Kind error
	// Reason is one of a fixed set of phrases, such as "expired": fit for a metric's label.
	Reason string
	// Detail is what made it so, such as "4m0s ago". It may quote the token's claims, clipped. It may be empty.
	Detail string
	// Permission is the one that was missing, for ErrInsufficientScope.
	Permission string
}

// Error says all of it in one line.
func (r *Refusal) Error() string {
	if r.Detail == "" {
		return r.Kind.Error() + ": " + r.Reason
	}
	return r.Kind.Error() + ": " + r.Reason + ": " + r.Detail
}

// Unwrap answers the kind.
func (r *Refusal) Unwrap() error { return r.Kind }

// LogValue is the refusal as a group of attributes.
func (r *Refusal) LogValue() slog.Value {
	attributes := []slog.Attr{slog.String("kind", r.Kind.Error()), slog.String("reason", r.Reason)}
	if r.Detail != "" {
		attributes = append(attributes, slog.String("detail", r.Detail))
	}
	return slog.GroupValue(attributes...)
}

func refuse(reason string) error { return &Refusal{Kind: ErrInvalidToken, Reason: reason} }

func refusef(reason, format string, args ...any) error {
	return &Refusal{Kind: ErrInvalidToken, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

func refuseProof(reason string) error { return &Refusal{Kind: ErrInvalidProof, Reason: reason} }

func refuseProoff(reason, format string, args ...any) error {
	return &Refusal{Kind: ErrInvalidProof, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// clip shortens what somebody else wrote before it is quoted in a log. What is longer than any sensible name might
// be a token.
func clip(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
