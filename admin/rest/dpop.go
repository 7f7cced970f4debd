package rest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// dpop reads tokens that are bound to a key.
type dpop struct {
	origin     string // Of our URLs, as the issuer says: the Host header is the caller's.
	algorithms string
}

func dpopOf(issuer *oauth.Issuer) dpop {
	address, err := url.Parse(issuer.URL())
	if err != nil {
		return dpop{} // The issuer has checked it.
	}
	return dpop{address.Scheme + "://" + address.Host, strings.Join(issuer.Metadata().DPoPSigningAlgValuesSupported, " ")}
}

// presented reads the token in the one Authorization header of a request (RFC 6750 §2.1, RFC 9449 §7.1), with what may
// prove its binding. It answers false if there is none.
func (d dpop) presented(request *http.Request) (presented bearer.Presented, ok bool) {
	headers := request.Header.Values("Authorization")
	scheme, token, _ := strings.Cut(strings.Join(headers, ","), " ")
	presented.Token = strings.TrimSpace(token)
	if request.TLS != nil && len(request.TLS.PeerCertificates) > 0 {
		presented.Certificate = request.TLS.PeerCertificates[0]
	}
	if strings.EqualFold(scheme, "DPoP") {
		presented.Proof = &bearer.ProofRequest{
			Proofs: request.Header.Values("DPoP"), Method: request.Method, URL: d.origin + request.URL.EscapedPath(),
		}
	}
	return presented, len(headers) == 1 && (presented.Proof != nil || strings.EqualFold(scheme, "Bearer"))
}

// challengeDPoP answers 401 to a token that came with the scheme DPoP (RFC 9449 §7.1, §9).
func (a *API) challengeDPoP(c *gin.Context, refusal *bearer.Refusal) {
	code, detail := "invalid_token", "The token is malformed, expired, for somebody else, no longer in force, or not bound to the proof's key."
	switch {
	case errors.Is(refusal, bearer.ErrInvalidProof):
		code, detail = "invalid_dpop_proof", "The DPoP proof is refused: "+refusal.Reason+"."
	case errors.Is(refusal, bearer.ErrUseNonce):
		code, detail = "use_dpop_nonce", "The DPoP proof needs the nonce in the DPoP-Nonce header."
	}
	c.Header("WWW-Authenticate", a.dpopChallenge(`, error="`+code+`"`))
	a.write(c, Problem{Type: "unauthorized", Status: http.StatusUnauthorized, Detail: detail})
}

func (a *API) dpopChallenge(parameters string) string {
	return `DPoP realm="latchkey"` + parameters + `, algs="` + a.dpop.algorithms + `", resource_metadata="` + resourceMetadata(a.issuer.URL()) + `"`
}
