package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func newCert(t testing.TB) *x509.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func sequenceOf(certificate *x509.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(certificate.Raw) + ":"
}

// escapedPEM is nginx's $ssl_client_escaped_cert.
func escapedPEM(certificate *x509.Certificate) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	return strings.NewReplacer("+", "%20").Replace(url.QueryEscape(text))
}

func TestReadClientCerts(t *testing.T) {
	own, second, third := newCert(t), newCert(t), newCert(t)
	sequence, escaped := sequenceOf(own), escapedPEM(own)
	for name, test := range map[string]struct {
		header string
		sent   http.Header
		want   []*x509.Certificate
		broken bool
	}{
		"none":               {"Client-Cert", http.Header{}, nil, false},
		"empty":              {"Client-Cert", http.Header{"Client-Cert": {""}}, nil, false},
		"one":                {"Client-Cert", http.Header{"Client-Cert": {sequence}}, []*x509.Certificate{own}, false},
		"with a chain":       {"client-cert", http.Header{"Client-Cert": {sequence}, "Client-Cert-Chain": {sequenceOf(second) + ", " + sequenceOf(third)}}, []*x509.Certificate{own, second, third}, false},
		"chain in two lines": {"Client-Cert", http.Header{"Client-Cert": {sequence}, "Client-Cert-Chain": {sequenceOf(second), sequenceOf(third)}}, []*x509.Certificate{own, second, third}, false},
		"chain of another":   {"X-Cert", http.Header{"X-Cert": {sequence}, "Client-Cert-Chain": {sequenceOf(second)}}, []*x509.Certificate{own}, false},
		"PEM":                {"X-Cert", http.Header{"X-Cert": {escaped}}, []*x509.Certificate{own}, false},
		"PEM of two":         {"X-Cert", http.Header{"X-Cert": {escaped + escapedPEM(second)}}, []*x509.Certificate{own, second}, false},
		"two":                {"Client-Cert", http.Header{"Client-Cert": {sequence, sequence}}, nil, true},
		"list":               {"Client-Cert", http.Header{"Client-Cert": {sequence + "," + sequence}}, nil, true},
		"no end":             {"Client-Cert", http.Header{"Client-Cert": {strings.TrimSuffix(sequence, ":")}}, nil, true},
		"colon alone":        {"Client-Cert", http.Header{"Client-Cert": {":"}}, nil, true},
		"not base64":         {"Client-Cert", http.Header{"Client-Cert": {":!:"}}, nil, true},
		"not DER":            {"Client-Cert", http.Header{"Client-Cert": {":AAAA:"}}, nil, true},
		"broken chain":       {"Client-Cert", http.Header{"Client-Cert": {sequence}, "Client-Cert-Chain": {"x"}}, nil, true},
		"long chain":         {"Client-Cert", http.Header{"Client-Cert": {sequence}, "Client-Cert-Chain": {strings.Repeat(sequence+",", 7) + sequence}}, nil, true},
		"PEM of a key":       {"X-Cert", http.Header{"X-Cert": {strings.ReplaceAll(escaped, "CERTIFICATE", "PRIVATE%20KEY")}}, nil, true},
		"half an escape":     {"X-Cert", http.Header{"X-Cert": {escaped + "%2"}}, nil, true},
		"something else":     {"X-Cert", http.Header{"X-Cert": {"CN=client"}}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ClientCerts{Header: test.header}.read(test.sent)
			if (err != nil) != test.broken || len(got) != len(test.want) {
				t.Fatalf("read %d certificates, %v", len(got), err)
			}
			for i := range got {
				if !got[i].Equal(test.want[i]) {
					t.Errorf("certificate %d is another", i)
				}
			}
		})
	}
}

// FuzzReadClientCerts: whatever a header says, it is certificates or an error.
func FuzzReadClientCerts(f *testing.F) {
	certificate := newCert(f)
	for _, seed := range []string{"", ":", "::", sequenceOf(certificate), escapedPEM(certificate), "%", "-----BEGIN"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, own, chain string) {
		got, err := ClientCerts{Header: clientCertHeader}.read(http.Header{clientCertHeader: {own}, clientChainHeader: {chain}})
		if err != nil && got != nil || len(got) > maxClientChain {
			t.Errorf("%d certificates, %v", len(got), err)
		}
		for _, certificate := range got {
			if certificate == nil {
				t.Error("no certificate among the certificates")
			}
		}
	})
}
