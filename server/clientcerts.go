package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// ClientCerts says where the certificates of clients come from (RFC 8705). The zero value is nowhere.
type ClientCerts struct {
	// TLS has clients asked for a certificate in the server's own TLS.
	TLS bool
	// Header is the one in which a trusted proxy writes the certificate that it was shown: as RFC 9440 says, or as
	// PEM with URL escapes. Empty: none. From anybody else it is not believed.
	Header string
}

// The headers of RFC 9440 §2, and the most that is read of a chain, which takes no more than a request's headers may.
const (
	clientCertHeader  = "Client-Cert"
	clientChainHeader = "Client-Cert-Chain"
	maxClientChain    = 8
)

// proxied puts the certificates that a trusted proxy was shown where those of a connection stand, so that whoever
// reads them need not know of proxies. The proxy's own certificate is none of a client. A header that cannot be read is
// none: then nobody is proven.
func (s ClientCerts) proxied(trusted []netip.Prefix, log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		if s.Header == "" {
			return
		}
		state := new(tls.ConnectionState)
		if c.Request.TLS != nil {
			*state = *c.Request.TLS
		}
		state.PeerCertificates, state.VerifiedChains = nil, nil
		if fromTrusted(c, trusted) {
			var err error
			if state.PeerCertificates, err = s.read(c.Request.Header); err != nil {
				log.Warn("a request comes without its certificate", "request_id", c.GetString(requestIDKey), "cause", err)
			}
		}
		if c.Request.TLS != nil || state.PeerCertificates != nil {
			c.Request.TLS = state
		}
	}
}

var errClientCert = errors.New("the certificate of the client that a proxy wrote cannot be read")

// read answers the certificates of a request, the client's own first, or none.
func (s ClientCerts) read(header http.Header) ([]*x509.Certificate, error) {
	values := header.Values(s.Header)
	if len(values) == 0 || len(values) == 1 && values[0] == "" { // nginx writes it empty where there is none.
		return nil, nil
	}
	if len(values) > 1 {
		return nil, errClientCert
	}
	if !strings.HasPrefix(values[0], ":") {
		return readEscapedPEM(values[0])
	}
	own, err := readByteSequence(values[0])
	if err != nil {
		return nil, err
	}
	certificates := []*x509.Certificate{own}
	if !strings.EqualFold(s.Header, clientCertHeader) {
		return certificates, nil
	}
	for _, value := range header.Values(clientChainHeader) {
		for item := range strings.SplitSeq(value, ",") {
			certificate, err := readByteSequence(strings.Trim(item, " \t"))
			if err != nil || len(certificates) == maxClientChain {
				return nil, errClientCert
			}
			certificates = append(certificates, certificate)
		}
	}
	return certificates, nil
}

// readByteSequence reads a certificate as RFC 9440 §2.1 writes it: base64 of its DER between colons.
func readByteSequence(text string) (*x509.Certificate, error) {
	encoded, found := strings.CutPrefix(text, ":")
	encoded, ended := strings.CutSuffix(encoded, ":")
	if !found || !ended || strings.ContainsAny(encoded, "\r\n") {
		return nil, errClientCert
	}
	der, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errClientCert
	}
	return parseCertificate(der)
}

// readEscapedPEM reads what nginx calls $ssl_client_escaped_cert, and others write likewise.
func readEscapedPEM(text string) ([]*x509.Certificate, error) {
	unescaped, err := url.PathUnescape(text) // A plus stands for itself in base64.
	if err != nil {
		return nil, errClientCert
	}
	var certificates []*x509.Certificate
	for rest := []byte(unescaped); len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(certificates) == maxClientChain {
			return nil, errClientCert
		}
		certificate, err := parseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	return certificates, nil
}

func parseCertificate(der []byte) (*x509.Certificate, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errClientCert
	}
	return certificate, nil
}
