package bearer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
)

// Authenticate lets requests through whose token is accepted, with its claims in their context; see [FromContext]
// and [Require]. Others are answered as [Verifier.Refuse] says.
func (v *Verifier) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.VerifyRequest(r)
		if err != nil {
			v.Refuse(w, r, err)
			return
		}
		if v.config.Proofs != nil {
			setNonce(w.Header(), v.config.Proofs)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, accepted{claims, v})))
	})
}

// VerifyRequest accepts the token of a request, from its one Authorization header and from nowhere else (RFC 6750
// §2.1), with its DPoP proof or client certificate if it is bound to one. A refusal is a [*Refusal]; any other error
// is a fault.
func (v *Verifier) VerifyRequest(r *http.Request) (*Claims, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return nil, &Refusal{Kind: ErrInvalidRequest, Reason: "more than one Authorization header"}
	}
	scheme, token := credentials(headers)
	if scheme == "" {
		return nil, &Refusal{Kind: ErrNoToken, Reason: "no token in the Authorization header"}
	}
	presented := Presented{Token: token, Certificate: v.config.Certificate(r)}
	if scheme == schemeDPoP {
		presented.Proof = &ProofRequest{
			Proofs: r.Header.Values("DPoP"), Method: r.Method, URL: v.config.Origin + r.URL.EscapedPath(),
		}
	}
	return v.VerifyPresented(r.Context(), presented)
}

// The authentication schemes of RFC 6750 and RFC 9449.
const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
)

// credentials reads an Authorization header. A scheme is known in any case (RFC 9110 §11.1); another one is no token.
func credentials(headers []string) (scheme, token string) {
	if len(headers) == 0 {
		return "", ""
	}
	name, token, _ := strings.Cut(headers[0], " ")
	for _, scheme := range []string{schemeBearer, schemeDPoP} {
		if strings.EqualFold(name, scheme) {
			return scheme, strings.Trim(token, " ")
		}
	}
	return "", ""
}

// Refuse answers a request for which a method of the Verifier, or [Require], gave this error: the status that the
// error's kind names, with the challenge of RFC 6750 §3 and RFC 9449 §7.1, and never its reason. A fault is answered
// 503. It tells the Log.
func (v *Verifier) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	v.log(r, status, err)
	if status == http.StatusNotFound {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	for _, challenge := range v.challenges(r, err) {
		header.Add("WWW-Authenticate", challenge)
	}
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "5")
	}
	if v.config.Proofs != nil && (errors.Is(err, ErrUseNonce) || errors.Is(err, ErrInvalidProof)) {
		setNonce(header, v.config.Proofs)
	}
	http.Error(w, http.StatusText(status), status)
}

// setNonce tells the client the nonce of its next proof (RFC 9449 §8.2).
func setNonce(header http.Header, proofs *Proofs) {
	if nonce := proofs.Nonce(); nonce != "" {
		header.Set("DPoP-Nonce", nonce)
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrInvalidRequest):
		return http.StatusBadRequest
	case errors.Is(err, ErrNoToken), errors.Is(err, ErrInvalidToken), errors.Is(err, ErrInvalidProof), errors.Is(err, ErrUseNonce):
		return http.StatusUnauthorized
	case errors.Is(err, ErrInsufficientScope):
		return http.StatusForbidden
	case errors.Is(err, ErrForeignPlace):
		return http.StatusNotFound
	}
	return http.StatusServiceUnavailable
}

func (v *Verifier) log(r *http.Request, status int, err error) {
	if v.config.Log == nil {
		return
	}
	attributes := []slog.Attr{slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status)}
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		v.config.Log.LogAttrs(r.Context(), slog.LevelInfo, "request refused", append(attributes, slog.Any("refusal", refusal))...)
		return
	}
	v.config.Log.LogAttrs(r.Context(), slog.LevelError, "token could not be verified", append(attributes, slog.Any("error", err))...)
}
