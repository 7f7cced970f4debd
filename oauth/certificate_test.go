package oauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	private     *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, parent *authority, name string) *authority {
	t.Helper()
	made := &authority{private: newP256(t)}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: testTime.Add(-time.Hour), NotAfter: testTime.Add(24 * time.Hour),
	}
	if parent == nil {
		parent = &authority{template, made.private}
	}
	made.certificate = parent.issue(t, template, made.private)
	return made
}

func newP256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func (a *authority) issue(t testing.TB, template *x509.Certificate, private *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// clientTemplate is a certificate with every field that a client may be known by.
func clientTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject:  pkix.Name{CommonName: "client, one", Organization: []string{"Example"}, Country: []string{"US"}},
		DNSNames: []string{"client.example"}, URIs: []*url.URL{{Scheme: "spiffe", Host: "example", Path: "/client"}},
		IPAddresses: []net.IP{net.ParseIP("192.0.2.7"), net.ParseIP("2001:db8::7")}, EmailAddresses: []string{"client@example.com"},
		NotBefore: testTime.Add(-time.Minute), NotAfter: testTime.Add(time.Minute),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// tlsIssuer makes an Issuer that takes certificates of the authority's, and a client known by the name.
func tlsIssuer(t testing.TB, root *authority, name CertificateName) (*Issuer, *Client) {
	t.Helper()
	client := activeClient()
	client.AuthMethod, client.Certificate = AuthTLS, name
	issuer, _ := testIssuer(t, client)
	client.Secrets = nil
	issuer.mutualTLS, issuer.clientCAs = true, x509.NewCertPool()
	issuer.clientCAs.AddCert(root.certificate)
	return issuer, client
}

func certified(client *Client, chain ...*x509.Certificate) Proof {
	return Proof{ClientID: client.ID, Method: AuthTLS, Certificates: chain}
}

func TestCertificateNames(t *testing.T) {
	root := newAuthority(t, nil, "root")
	own := root.issue(t, clientTemplate(), newP256(t))
	for name, accepted := range map[CertificateName]bool{
		{SubjectDN, `CN=client\, one,O=Example,C=US`}:            true,
		{SubjectDN, `cn = client\2C one , o=Example,2.5.4.6=US`}: true,
		{SubjectDN, `CN=client\, one,O=Example`}:                 false,
		{SubjectDN, `C=US,O=Example,CN=client\, one`}:            false,
		{SubjectDN, `CN=client\, one+O=Example,C=US`}:            false,
		{SubjectDN, `CN=CLIENT\, one,O=Example,C=US`}:            false,
		{SubjectDN, ``}:                                 false,
		{SANDNS, "client.example"}:                      true,
		{SANDNS, "Client.Example"}:                      true,
		{SANDNS, "example"}:                             false,
		{SANDNS, "*.example"}:                           false,
		{SANDNS, ""}:                                    false,
		{SANURI, "spiffe://example/client"}:             true,
		{SANURI, "spiffe://example/client/"}:            false,
		{SANIP, "192.0.2.7"}:                            true,
		{SANIP, "2001:DB8:0::7"}:                        true,
		{SANIP, "192.0.2.8"}:                            false,
		{SANEmail, "client@example.com"}:                true,
		{SANEmail, "client@example.org"}:                false,
		{"", ""}:                                        false,
		{"tls_client_auth_san_other", "client.example"}: false,
	} {
		issuer, client := tlsIssuer(t, root, name)
		_, err := issuer.Authenticate(t.Context(), certified(client, own))
		if accepted && err != nil {
			t.Errorf("%v: %v", name, err)
		} else if !accepted {
			expectReason(t, err, ReasonCertificate)
		}
	}
}

// TestCertificateChains: only a certificate that is good now, for clients, and of a configured authority proves anybody.
func TestCertificateChains(t *testing.T) {
	root, other := newAuthority(t, nil, "root"), newAuthority(t, nil, "root")
	between := newAuthority(t, root, "between")
	private := newP256(t)
	like := func(change func(*x509.Certificate)) *x509.Certificate {
		template := clientTemplate()
		change(template)
		return template
	}
	template := clientTemplate()
	selfSigned := (&authority{template, private}).issue(t, template, private)
	for name, test := range map[string]struct {
		chain    []*x509.Certificate
		accepted bool
	}{
		"of the root":      {[]*x509.Certificate{root.issue(t, clientTemplate(), private)}, true},
		"over another":     {[]*x509.Certificate{between.issue(t, clientTemplate(), private), between.certificate}, true},
		"a link missing":   {[]*x509.Certificate{between.issue(t, clientTemplate(), private)}, false},
		"of another root":  {[]*x509.Certificate{other.issue(t, clientTemplate(), private), other.certificate}, false},
		"self-signed":      {[]*x509.Certificate{selfSigned}, false},
		"expired":          {[]*x509.Certificate{root.issue(t, like(func(c *x509.Certificate) { c.NotAfter = testTime.Add(-time.Second) }), private)}, false},
		"not yet valid":    {[]*x509.Certificate{root.issue(t, like(func(c *x509.Certificate) { c.NotBefore = testTime.Add(time.Second) }), private)}, false},
		"of a server":      {[]*x509.Certificate{root.issue(t, like(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), private)}, false},
		"no certificate":   {nil, false},
		"somebody else's":  {[]*x509.Certificate{root.issue(t, like(func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }), private)}, false},
		"own comes second": {[]*x509.Certificate{root.certificate, root.issue(t, clientTemplate(), private)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			issuer, client := tlsIssuer(t, root, CertificateName{SANDNS, "client.example"})
			token, err := request(t, issuer, certified(client, test.chain...), "")
			if !test.accepted {
				expectReason(t, err, ReasonCertificate)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			claims, err := issuer.verifier.For("https://a.example").Read(t.Context(), token.Access)
			want := bearer.Confirmation{Certificate: bearer.CertificateThumbprint(test.chain[0])}
			if err != nil || token.Type != "Bearer" || *claims.Confirmation != want {
				t.Errorf("the token is not bound: %v %q %+v", err, token.Type, claims.Confirmation)
			}
			client.AuthMethod = AuthSecret
			_, err = issuer.Authenticate(t.Context(), certified(client, test.chain...))
			expectReason(t, err, ReasonAuthMethod)
			_, err = issuer.Authenticate(t.Context(), Proof{ClientID: "nobody", Method: AuthTLS, Certificates: test.chain})
			expectReason(t, err, "")
			client.AuthMethod, client.Status = AuthTLS, StatusInactive
			_, err = issuer.Authenticate(t.Context(), certified(client, test.chain...))
			expectReason(t, err, ReasonInactiveClient)
		})
	}
}

// TestSelfSignedCertificates: a client's own certificate proves it, registered or published, and no other does that
// has the same key or the same name.
func TestSelfSignedCertificates(t *testing.T) {
	private := newP256(t)
	template := clientTemplate()
	own := (&authority{template, private}).issue(t, template, private)
	again := (&authority{template, private}).issue(t, template, private)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &private.PublicKey, KeyID: "one", Certificates: []*x509.Certificate{own}}}})
	if err != nil {
		t.Fatal(err)
	}
	keys, faults := ParseClientCertificates(set)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	published, err := ParsePublishedKeys(set)
	if err != nil {
		t.Fatal(err)
	}
	root := newAuthority(t, nil, "root")
	issuer, client := tlsIssuer(t, root, CertificateName{})
	client.AuthMethod = AuthSelfSignedTLS
	issuer.published = publishedKeys{"https://client.example/keys": published}
	for _, place := range []string{"", "https://client.example/keys"} {
		client.Keys, client.KeysURL = keys, place
		if place != "" {
			client.Keys = nil
		}
		caller, err := issuer.Authenticate(t.Context(), certified(client, own))
		if err != nil || caller.Certificate != own {
			t.Errorf("at %q: %v", place, err)
		}
		for _, other := range []*x509.Certificate{again, root.issue(t, clientTemplate(), private)} {
			_, err = issuer.Authenticate(t.Context(), certified(client, other))
			expectReason(t, err, ReasonCertificate)
		}
	}
	client.KeysURL = "https://client.example/gone"
	_, err = issuer.Authenticate(t.Context(), certified(client, own))
	expectReason(t, err, ReasonKey)
	client.Keys, client.KeysURL = keys, ""
	issuer.now = func() time.Time { return testTime.Add(2 * time.Minute) }
	_, err = issuer.Authenticate(t.Context(), certified(client, own))
	expectReason(t, err, ReasonCertificate)
}

// TestRegisteredCertificates: a key is registered with a certificate of its own, and what is none is named.
func TestRegisteredCertificates(t *testing.T) {
	private, template := newP256(t), clientTemplate()
	own := (&authority{template, private}).issue(t, template, private)
	other := newAuthority(t, nil, "root").certificate
	encoded := func(certificate *x509.Certificate) string { return base64.StdEncoding.EncodeToString(certificate.Raw) }
	for name, test := range map[string]struct {
		chain any
		fault string
	}{
		"own":             {[]string{encoded(own)}, ""},
		"own and another": {[]string{encoded(own), encoded(other)}, ""},
		"none":            {nil, "/keys/0/x5c required"},
		"an empty list":   {[]string{}, "/keys/0/x5c required"},
		"no list":         {encoded(own), "/keys/0/x5c wrong_type"},
		"another's":       {[]string{encoded(other)}, "/keys/0/x5c/0 contradictory"},
		"no base64":       {[]string{"!"}, "/keys/0/x5c/0 invalid"},
		"no certificate":  {[]string{"AAAA"}, "/keys/0/x5c/0 invalid"},
	} {
		bare, err := jose.JSONWebKey{Key: &private.PublicKey}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var key map[string]any
		if err := json.Unmarshal(bare, &key); err != nil {
			t.Fatal(err)
		}
		if test.chain != nil {
			key["x5c"] = test.chain
		}
		set, err := json.Marshal(map[string]any{"keys": []any{key}})
		if err != nil {
			t.Fatal(err)
		}
		keys, faults := ParseClientCertificates(set)
		switch {
		case test.fault == "" && (len(faults) > 0 || len(keys[0].Certificates) != 1 || !keys[0].Certificates[0].Equal(own)):
			t.Errorf("%s: %v", name, faults)
		case test.fault != "" && (len(faults) != 1 || faults[0].Pointer+" "+faults[0].Code != test.fault):
			t.Errorf("%s: %v, want %s", name, faults, test.fault)
		}
		// For assertions, and where keys are published for them, a certificate does not matter.
		if keys, faults := ParseClientKeys(set); len(faults) > 0 || len(keys[0].Certificates) > 0 {
			t.Errorf("%s: for assertions: %v", name, faults)
		}
		if keys, err := ParsePublishedKeys(set); err != nil || len(keys) != 1 || (len(keys[0].Certificates) > 0) != (test.fault == "") {
			t.Errorf("%s: published: %v, %v", name, keys, err)
		}
	}
}

// FuzzParseDN: what is read is a name whose every value can be found again, and nothing panics.
func FuzzParseDN(f *testing.F) {
	for _, seed := range []string{`CN=a,O=b`, `CN=a\,b+OU=\41`, `2.5.4.3=\#x`, `CN=`, `=`, `CN=a\`, `CN=a,`, `CN=#04`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseDN(text)
		if err != nil {
			return
		}
		for _, part := range name {
			for _, attribute := range part {
				if attribute.oid == "" || attribute.value == "" {
					t.Errorf("%q has an empty attribute", text)
				}
			}
		}
		if len(name) == 0 {
			t.Errorf("%q is no name", text)
		}
	})
}
