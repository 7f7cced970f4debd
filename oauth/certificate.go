package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxCertificates is how many certificates of a request are looked at, the client's own first.
const maxCertificates = 8

// maxCertificateName bounds the name that a client's certificate is known by, in bytes.
const maxCertificateName = 1000

// CertificateField is the part of a certificate that says whose it is, by its metadata name (RFC 8705 §2.1.2).
type CertificateField string

// The fields, of which a client has one.
const (
	SubjectDN CertificateField = "tls_client_auth_subject_dn"
	SANDNS    CertificateField = "tls_client_auth_san_dns"
	SANURI    CertificateField = "tls_client_auth_san_uri"
	SANIP     CertificateField = "tls_client_auth_san_ip"
	SANEmail  CertificateField = "tls_client_auth_san_email"
)

// CertificateFields are all fields, in the order of RFC 8705.
var CertificateFields = []CertificateField{SubjectDN, SANDNS, SANURI, SANIP, SANEmail}

// CertificateName is what the certificates of a client say, and by which they are known.
type CertificateName struct {
	Field CertificateField
	Value string
}

// Check answers why no certificate could say so, or nil.
func (n CertificateName) Check() error {
	if len(n.Value) > maxCertificateName {
		return fmt.Errorf("at most %d bytes are allowed", maxCertificateName)
	}
	if strings.ContainsFunc(n.Value, func(char rune) bool { return char < 0x20 || char == 0x7f || char == '\uFFFD' }) {
		return errors.New("control characters are not allowed")
	}
	switch n.Field {
	case SubjectDN:
		_, err := parseDN(n.Value)
		return err
	case SANDNS:
		if n.Value == "" || len(n.Value) > 253 || strings.ContainsFunc(n.Value, outsideDNS) {
			return errors.New("this is not a DNS name such as client.example.com, in ASCII and without a wildcard")
		}
	case SANURI:
		if address, err := url.Parse(n.Value); err != nil || !address.IsAbs() {
			return errors.New("this is not an absolute URI")
		}
	case SANIP:
		if _, err := netip.ParseAddr(n.Value); err != nil {
			return errors.New("this is not an IP address")
		}
	case SANEmail:
		if local, domain, found := strings.Cut(n.Value, "@"); !found || local == "" || domain == "" {
			return errors.New("this is not an e-mail address")
		}
	}
	return nil
}

func outsideDNS(char rune) bool {
	return !('a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9' || strings.ContainsRune("-._", char))
}

// matches reports whether a certificate says so (RFC 8705 §2.1.2). No wildcard stands for anything: who may speak for
// a whole domain is not its every host.
func (n CertificateName) matches(certificate *x509.Certificate) bool {
	switch n.Field {
	case SubjectDN:
		want, err := parseDN(n.Value)
		return err == nil && want.equal(certificate.RawSubject)
	case SANDNS:
		return slices.ContainsFunc(certificate.DNSNames, func(name string) bool { return strings.EqualFold(name, n.Value) })
	case SANURI:
		return slices.ContainsFunc(certificate.URIs, func(uri *url.URL) bool { return uri.String() == n.Value })
	case SANIP:
		want, err := netip.ParseAddr(n.Value)
		return err == nil && slices.ContainsFunc(certificate.IPAddresses, func(ip net.IP) bool {
			address, ok := netip.AddrFromSlice(ip)
			return ok && address.Unmap() == want.Unmap()
		})
	case SANEmail:
		return slices.Contains(certificate.EmailAddresses, n.Value)
	default:
		return false
	}
}

// judgeCertificate answers why the certificates do not prove the client, or nil. What does not depend on the client
// comes first and is always done, so that the work tells nothing of it. That the caller has the private key was proven
// in TLS.
func (i *Issuer) judgeCertificate(ctx context.Context, client *Client, presented []*x509.Certificate) *Error {
	if len(presented) == 0 {
		return invalidClient(ReasonCertificate, "there is no certificate")
	}
	own, now := presented[0], i.now()
	untrusted := i.verifyChain(presented, now)
	switch {
	case now.Before(own.NotBefore) || now.After(own.NotAfter):
		return invalidClient(ReasonCertificate, "the certificate has expired, or is not valid yet")
	case client.AuthMethod == AuthSelfSignedTLS:
		return i.judgeSelfSigned(ctx, client, own)
	case untrusted != nil:
		return invalidClient(ReasonCertificate, untrusted.Error())
	case !client.Certificate.matches(own):
		return invalidClient(ReasonCertificate, "the certificate is somebody else's: its "+string(client.Certificate.Field)+" is not the client's")
	default:
		return nil
	}
}

// verifyChain answers why no authority of ours has issued the certificate for a TLS client (RFC 5280 §6).
func (i *Issuer) verifyChain(presented []*x509.Certificate, now time.Time) error {
	if i.clientCAs == nil {
		return errors.New("no certificate authority of clients is configured")
	}
	between := x509.NewCertPool()
	for _, certificate := range presented[1:min(len(presented), maxCertificates)] {
		between.AddCert(certificate)
	}
	_, err := presented[0].Verify(x509.VerifyOptions{
		Roots: i.clientCAs, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

// judgeSelfSigned answers why the certificate is none of the client's own, or nil (RFC 8705 §2.2). Nobody else vouches
// for it, so it must be the registered one to the last byte.
func (i *Issuer) judgeSelfSigned(ctx context.Context, client *Client, own *x509.Certificate) *Error {
	keys := client.Keys
	if client.KeysURL != "" {
		var err error
		if keys, err = i.published.PublishedKeys(ctx, client.KeysURL, ""); err != nil {
			return invalidClient(ReasonKey, err.Error())
		}
	}
	for _, key := range keys {
		if len(key.Certificates) > 0 && key.Certificates[0].Equal(own) {
			return nil
		}
	}
	return invalidClient(ReasonCertificate, "the certificate is none of the client's")
}
