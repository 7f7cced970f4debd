package bearer

import (
	"errors"
	"net/http"
	"strings"
)

// challenges are the WWW-Authenticate headers for an error; none for a place that shall look like nothing, and for
// our own faults.
func (v *Verifier) challenges(r *http.Request, err error) []string {
	code, scope := "", ""
	switch {
	case errors.Is(err, ErrNoToken): // RFC 6750 §3.1: no error code.
	case errors.Is(err, ErrInvalidRequest):
		code = "invalid_request"
	case errors.Is(err, ErrInvalidToken):
		code = "invalid_token"
	case errors.Is(err, ErrInvalidProof):
		code = "invalid_dpop_proof"
	case errors.Is(err, ErrUseNonce):
		code = "use_dpop_nonce"
	case errors.Is(err, ErrInsufficientScope):
		code = "insufficient_scope"
		if refusal := (*Refusal)(nil); errors.As(err, &refusal) && quotable(refusal.Permission) {
			scope = refusal.Permission
		}
	default:
		return nil
	}
	// Whoever used a scheme is answered in it, and whoever used none is told both (RFC 9449 §7.2).
	scheme, _ := credentials(r.Header.Values("Authorization"))
	switch {
	case v.config.Proofs == nil:
		return []string{v.challenge(schemeBearer, code, scope)}
	case scheme != "":
		return []string{v.challenge(scheme, code, scope)}
	}
	return []string{v.challenge(schemeBearer, code, scope), v.challenge(schemeDPoP, code, scope)}
}

// challenge writes one challenge (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1).
func (v *Verifier) challenge(scheme, code, scope string) string {
	parameters := []string{quoted("realm", v.config.Realm)}
	if code != "" {
		parameters = append(parameters, quoted("error", code))
	}
	if scope != "" {
		parameters = append(parameters, quoted("scope", scope))
	}
	if scheme == schemeDPoP {
		parameters = append(parameters, quoted("algs", strings.Join(v.config.Proofs.Algorithms(), " ")))
	}
	if v.config.ResourceMetadata != "" {
		parameters = append(parameters, quoted("resource_metadata", v.config.ResourceMetadata))
	}
	return scheme + " " + strings.Join(parameters, ", ")
}

func quoted(name, value string) string { return name + `="` + value + `"` }

// quotable reports whether a text can stand between quotes as it is (RFC 9110 §5.6.4).
func quotable(text string) bool {
	return !strings.ContainsFunc(text, func(char rune) bool {
		return char < ' ' || char > '~' || char == '"' || char == '\\'
	})
}
