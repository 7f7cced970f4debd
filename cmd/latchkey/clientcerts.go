package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/latchkey-auth/latchkey/server"
)

// Where the certificates of clients come from. Without a value it is as if they were off.
const (
	clientCertsOff    = "off"
	clientCertsTLS    = "tls"
	clientCertsHeader = "header"
)

func (o *options) clientCerts() server.ClientCerts {
	switch o.ClientCerts {
	case clientCertsTLS:
		return server.ClientCerts{TLS: true}
	case clientCertsHeader:
		return server.ClientCerts{Header: o.ClientCertHeader}
	default:
		return server.ClientCerts{}
	}
}

// clientCAs answers the authorities that issue certificates of clients, or nil if there are none.
func (o *options) clientCAs() (*x509.CertPool, error) {
	if o.ClientCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("--client-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("--client-ca: there is no certificate in " + o.ClientCA)
	}
	return pool, nil
}

// isHeaderName reports whether the text is a token (RFC 9110 §5.1).
func isHeaderName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(char rune) bool {
		plain := 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9'
		return !plain && !strings.ContainsRune("!#$%&'*+-.^_`|~", char)
	})
}
