package bearer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"net/http"
)

// checkBinding refuses a token whose presenter does not prove to hold the key that the token names.
func (v *Verifier) checkBinding(ctx context.Context, bound *Confirmation, presented Presented) error {
	thumbprint := ""
	if bound != nil {
		// RFC 7800 §3.1: another way of binding is one that we cannot check.
		if *bound == (Confirmation{}) {
			return refuse("bound in an unknown way")
		}
		thumbprint = bound.Thumbprint
		if err := checkCertificate(bound.Certificate, presented.Certificate); err != nil {
			return err
		}
	}
	switch {
	case presented.Proof == nil && thumbprint == "":
		return nil
	case presented.Proof == nil:
		return refuse("bound to a DPoP key, presented as a bearer token")
	case v.config.Proofs == nil:
		return refuse("DPoP proofs are not taken here")
	case thumbprint == "":
		return refuse("not bound to a DPoP key, presented as if it were")
	}
	request := *presented.Proof
	request.AccessToken = presented.Token
	proof, err := v.config.Proofs.Check(request)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(proof.Thumbprint), []byte(thumbprint)) != 1 {
		return refuse("bound to another DPoP key")
	}
	return v.config.Proofs.Use(ctx, proof)
}

// checkCertificate compares the SHA-256 of the client's certificate (RFC 8705 §3.1).
func checkCertificate(want string, certificate *x509.Certificate) error {
	if want == "" {
		return nil
	}
	if certificate == nil {
		return refuse("bound to a certificate, presented without one")
	}
	if subtle.ConstantTimeCompare([]byte(CertificateThumbprint(certificate)), []byte(want)) != 1 {
		return refuse("bound to another certificate")
	}
	return nil
}

// CertificateThumbprint is the x5t#S256 of a certificate (RFC 8705 §3.1).
func CertificateThumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// peerCertificate is the client certificate of the request's TLS connection, or nil.
func peerCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}
