package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// reloadInterval is how often, at most, a handshake looks whether the certificate's files have changed.
const reloadInterval = 10 * time.Second

// Certificate is a TLS certificate and its key in two files. It follows them when they change.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	interval          time.Duration

	mu      sync.Mutex
	pair    *tls.Certificate
	version [2]fileVersion // Of the files when pair was read.
	checked time.Time
}

type fileVersion struct {
	modified time.Time
	size     int64
}

// LoadCertificate reads a certificate chain and its private key, both in PEM.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log, interval: reloadInterval, checked: time.Now()}
	if err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// config asks clients for a certificate of theirs, if it shall. One is taken from any authority and from none: who it
// proves is judged when a client says by its client_id who it is, and its method may be a self-signed one (RFC 8705
// §2.2), which a list of authorities would keep clients from sending.
func (c *Certificate) config(clientCerts bool) *tls.Config {
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: c.get,
	}
	if clientCerts {
		config.ClientAuth = tls.RequestClientCert
	}
	return config
}

func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) >= c.interval {
		c.checked = time.Now()
		if err := c.reload(); err != nil {
			c.log.Error("the TLS certificate cannot be reloaded; the old one stays", "cause", err)
		}
	}
	return c.pair, nil
}

// reload reads the files if they have changed. It looks at the dates before it reads, so that a file which changes
// in between is read again.
func (c *Certificate) reload() error {
	var version [2]fileVersion
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("TLS certificate: %w", err)
		}
		version[i] = fileVersion{info.ModTime(), info.Size()}
	}
	if version == c.version {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	if c.pair != nil {
		c.log.Info("the TLS certificate has been reloaded", "not_after", pair.Leaf.NotAfter)
	}
	c.pair, c.version = &pair, version
	return nil
}
