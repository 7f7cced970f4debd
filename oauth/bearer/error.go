package bearer

import "errors"

// ErrInvalidToken is wrapped by every refusal of a token: RFC 6750 §3.1 invalid_token, status 401.
// An error of [Verifier.Verify] that does not wrap it is a fault on our side, such as unreachable keys.
var ErrInvalidToken = errors.New("invalid token")

// ErrUnknownKey is answered by a [KeySource] that has no key with the wanted id.
var ErrUnknownKey = errors.New("unknown key")
