package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// issued is a certificate and its key; of an authority or of whom it issued it to.
type issued struct {
	certificate *x509.Certificate
	private     *ecdsa.PrivateKey
}

// issue makes a certificate that is good for an hour; a nil issuer makes it self-signed.
func (a *issued) issue(t *testing.T, template x509.Certificate) *issued {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	if a == nil {
		a = &issued{&template, private}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, a.certificate, &private.PublicKey, a.private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{certificate, private}
}

func (a *issued) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// newAuthority makes an authority, and a file that holds its certificate.
func newAuthority(t *testing.T) (root *issued, file string) {
	root = (*issued)(nil).issue(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, root.pem(), 0o600); err != nil {
		t.Fatal(err)
	}
	return root, file
}

// forClient is the certificate of a client of this DNS name.
func forClient(name string) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// as answers a client of the server that shows a certificate, or none.
func (a *issued) as(who *issued) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	config := &tls.Config{RootCAs: roots}
	if who != nil {
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{who.certificate.Raw}, PrivateKey: who.private}}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
}

// startTLS starts the program with TLS of its own, which asks for certificates of clients.
func startTLS(t *testing.T, root *issued, file string) identity {
	t.Helper()
	own := root.issue(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(own.private)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	certFile, keyFile := filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem")
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(os.WriteFile(certFile, own.pem(), 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	first := identity{issuer: "https://" + address, id: "boot", secret: "x7Kp2vQz9LmN4tRw8YbC3dFg6HjS1aEuViOkPq5Z"}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--dev", "--client-certs=tls", "--client-ca=" + file}, []string{
			"LATCHKEY_ADDR=" + address, "LATCHKEY_TLS_CERT=" + certFile, "LATCHKEY_TLS_KEY=" + keyFile,
			"LATCHKEY_DATABASE_URL=sqlite:" + filepath.Join(directory, "latchkey.db"), "LATCHKEY_ISSUER=" + first.issuer,
			"LATCHKEY_BOOTSTRAP_CLIENT_ID=" + first.id, "LATCHKEY_BOOTSTRAP_CLIENT_SECRET=" + first.secret,
			"LATCHKEY_METRICS_ADDR=off", "LATCHKEY_DRAIN_DELAY=0s",
		}, io.Discard, t.Output())
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the program ended with %d", code)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		response, err := root.as(nil).Get(first.issuer + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return first
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the program does not become ready")
		}
	}
}

// tokenBy asks golang.org/x/oauth2 for a token over a client's connections.
func tokenBy(t *testing.T, over *http.Client, issuer, id, secret string) (*oauth2.Token, error) {
	config := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: issuer + oauth.TokenPath, AuthStyle: oauth2.AuthStyleInParams}
	return config.Token(context.WithValue(t.Context(), oauth2.HTTPClient, over))
}

const management = `"org_id": "org_example", "grants": [{"api": "latchkey", "permissions": ["credentials:read", "credentials:write"],
	"applies_to": {"installation": true}}]`

// newCertified registers a client that authenticates by a certificate, and answers its id.
func (m *manager) newCertified(t *testing.T, name, how string) string {
	return m.do(t, http.StatusCreated, "POST", "/credentials", fmt.Sprintf(`{"name": %q, %s, %s}`, name, how, management))["client_id"].(string)
}

// selfSignedSet is a JWK set of one key and its certificate.
func selfSignedSet(t *testing.T, own *issued) string {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &own.private.PublicKey, Certificates: []*x509.Certificate{own.certificate}}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// confirmationOf reads what a token is bound to, unverified.
func confirmationOf(t *testing.T, token string) bearer.Confirmation {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims bearer.Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Confirmation == nil {
		return bearer.Confirmation{}
	}
	return *claims.Confirmation
}

// statusOf presents a token over a client's connections.
func statusOf(t *testing.T, over *http.Client, url, token string) int {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := over.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// TestMutualTLS: a client gets a token, bound to its certificate, over a connection with that certificate, and none
// over another or while it is switched off.
func TestMutualTLS(t *testing.T) {
	root, file := newAuthority(t)
	first := startTLS(t, root, file)
	config := clientcredentials.Config{ClientID: first.id, ClientSecret: first.secret, TokenURL: first.issuer + oauth.TokenPath}
	m := &manager{first, config.Client(context.WithValue(t.Context(), oauth2.HTTPClient, root.as(nil)))}
	own, other := root.issue(t, forClient("client.example")), root.issue(t, forClient("other.example"))
	expired := forClient("client.example")
	expired.NotAfter = time.Now().Add(-time.Minute)
	alone := (*issued)(nil).issue(t, forClient("client.example"))
	for _, method := range []struct {
		id   string
		good *issued
	}{
		{m.newCertified(t, "By name", `"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "client.example"`), own},
		{m.newCertified(t, "By subject", `"auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=client.example"`), own},
		{m.newCertified(t, "Alone", `"auth_method": "self_signed_tls_client_auth", "jwks": `+selfSignedSet(t, alone)), alone},
	} {
		expectRefused := func(why string, over *http.Client) {
			t.Helper()
			_, err := tokenBy(t, over, first.issuer, method.id, "")
			if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != string(oauth.InvalidClient) {
				t.Errorf("%s: %v", why, err)
			}
		}
		token, err := tokenBy(t, root.as(method.good), first.issuer, method.id, "")
		if err != nil {
			t.Fatal(err)
		}
		if bound := confirmationOf(t, token.AccessToken); bound.Certificate != bearer.CertificateThumbprint(method.good.certificate) {
			t.Errorf("the token is bound to %+v", bound)
		}
		for over, want := range map[*http.Client]int{
			root.as(method.good): http.StatusOK, root.as(other): http.StatusUnauthorized, root.as(nil): http.StatusUnauthorized,
		} {
			if got := statusOf(t, over, first.issuer+"/admin/v1/me", token.AccessToken); got != want {
				t.Errorf("our own API answered the bound token with %d, want %d", got, want)
			}
		}
		expectRefused("without a certificate", root.as(nil))
		expectRefused("with another's", root.as(other))
		expectRefused("with an expired one", root.as(root.issue(t, expired)))
		expectRefused("with a stranger's", root.as((*issued)(nil).issue(t, forClient("client.example"))))
		for range 3 {
			m.do(t, http.StatusOK, "POST", "/credentials/"+method.id+"/deactivate", "")
			expectRefused("while it is off", root.as(method.good))
			m.do(t, http.StatusOK, "POST", "/credentials/"+method.id+"/activate", "")
			if _, err := tokenBy(t, root.as(method.good), first.issuer, method.id, ""); err != nil {
				t.Errorf("when it is back: %v", err)
			}
		}
	}
	// A secret is no worse for a certificate, and a certificate proves nobody who has a secret.
	if token, err := tokenBy(t, root.as(own), first.issuer, first.id, first.secret); err != nil || confirmationOf(t, token.AccessToken) != (bearer.Confirmation{}) {
		t.Errorf("a secret with a certificate: %v", err)
	}
	if _, err := tokenBy(t, root.as(own), first.issuer, first.id, ""); err == nil {
		t.Error("a certificate proved a client that has a secret")
	}
}

// askBehindProxy asks for a token as a proxy hands a request on, with the certificate in a header.
func askBehindProxy(ctx context.Context, issuer, id, header, value string) (int, string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer+oauth.TokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set(header, value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// askCertified asks for a token with a certificate, as RFC 9440 hands it on.
func askCertified(ctx context.Context, issuer, id string, own *issued) (int, string, error) {
	return askBehindProxy(ctx, issuer, id, "Client-Cert", ":"+base64.StdEncoding.EncodeToString(own.certificate.Raw)+":")
}

// TestCertificateFromProxy: a certificate in a header is believed from a trusted proxy, in either spelling, and from
// nobody else.
func TestCertificateFromProxy(t *testing.T) {
	root, file := newAuthority(t)
	own := root.issue(t, forClient("client.example"))
	sequence := ":" + base64.StdEncoding.EncodeToString(own.certificate.Raw) + ":"
	escaped := strings.ReplaceAll(url.QueryEscape(string(own.pem())), "+", "%20")
	for name, test := range map[string]struct {
		proxies, header, value string
		status                 int
	}{
		"RFC 9440":      {"127.0.0.1/32", "Client-Cert", sequence, http.StatusOK},
		"escaped PEM":   {"127.0.0.1/32", "X-SSL-Client-Cert", escaped, http.StatusOK},
		"other header":  {"127.0.0.1/32", "X-SSL-Client-Cert", "", http.StatusUnauthorized},
		"cut short":     {"127.0.0.1/32", "Client-Cert", sequence[:len(sequence)-1], http.StatusUnauthorized},
		"not the proxy": {"192.0.2.0/24", "Client-Cert", sequence, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			first := startWith(t, identity{}, "LATCHKEY_CLIENT_CERTS=header", "LATCHKEY_CLIENT_CERT_HEADER="+test.header,
				"LATCHKEY_TRUSTED_PROXIES="+test.proxies, "LATCHKEY_CLIENT_CA="+file)
			id := newManager(t, first).newCertified(t, "Behind", `"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "client.example"`)
			status, body, err := askBehindProxy(t.Context(), first.issuer, id, test.header, test.value)
			if err != nil || status != test.status {
				t.Errorf("answered %d %s %v", status, body, err)
			}
		})
	}
}
