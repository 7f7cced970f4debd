package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCertificateReload(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	writePair(t, certFile, keyFile, 1)
	log := new(logBuffer)
	certificate, err := LoadCertificate(certFile, keyFile, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	certificate.interval = 0
	rig := newRig(t, func(c *Config) { c.TLS = certificate }, none)
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- rig.Serve(ctx, listener) }()
	address := listener.Addr().String()

	if got := serial(t, address); got != 1 {
		t.Errorf("the certificate is %d; want 1", got)
	}
	writePair(t, certFile, keyFile, 2)
	if got := serial(t, address); got != 2 {
		t.Errorf("after a renewal, the certificate is %d; want 2", got)
	}
	writePair(t, certFile, filepath.Join(folder, "another.key"), 3)
	if got := serial(t, address); got != 2 || len(log.lines(t, "the TLS certificate cannot be reloaded; the old one stays")) != 1 {
		t.Errorf("with a key that does not fit, the certificate is %d; want 2, and one line in the log", got)
	}
	writePair(t, certFile, keyFile, 4)
	if got := serial(t, address); got != 4 {
		t.Errorf("after it was mended, the certificate is %d; want 4", got)
	}
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
	}}
	if response, err := client.Get("https://" + address + livePath); err != nil || response.ProtoMajor != 2 {
		t.Errorf("HTTP/2 is not spoken: %v, %v", response, err)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}
	if _, err := tls.Dial("tcp", address, old); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestCertificateMissing(t *testing.T) {
	if _, err := LoadCertificate("no.crt", "no.key", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a certificate that is not there was loaded")
	}
}

// serial answers the serial number of the certificate that a new connection is shown.
func serial(t *testing.T, address string) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// writePair writes a self-signed certificate and its key, dated so that no two are of the same moment.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: certificate},
		keyFile:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		dated := time.Now().Add(time.Duration(serial) * time.Minute)
		if err := os.Chtimes(name, dated, dated); err != nil {
			t.Fatal(err)
		}
	}
}
