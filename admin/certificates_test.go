package admin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// certifiedSet is a JWK set of one key with its self-signed certificate, and the same key alone.
func certifiedSet(t *testing.T) (with, without []byte) {
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
	key := jose.JSONWebKey{Key: &private.PublicKey}
	bare, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	if err != nil {
		t.Fatal(err)
	}
	key.Certificates = []*x509.Certificate{certificate}
	full, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	if err != nil {
		t.Fatal(err)
	}
	return full, bare
}

func TestClientCertificates(t *testing.T) {
	h := newHouse(t)
	with, without := certifiedSet(t)
	byName, alone := said(oauth.AuthTLS), said(oauth.AuthSelfSignedTLS)
	names := func(pairs ...string) map[oauth.CertificateField]string {
		all := make(map[oauth.CertificateField]string)
		for i := 0; i < len(pairs); i += 2 {
			all[oauth.CertificateField("tls_client_auth_"+pairs[i])] = pairs[i+1]
		}
		return all
	}
	for name, test := range map[string]struct {
		change admin.ClientChange
		want   []string
	}{
		"subject":          {change: admin.ClientChange{AuthMethod: byName, Certificate: names("subject_dn", "CN=client,O=Example")}},
		"DNS":              {change: admin.ClientChange{AuthMethod: byName, Certificate: names("san_dns", "client.example", "san_ip", "")}},
		"URI":              {change: admin.ClientChange{AuthMethod: byName, Certificate: names("san_uri", "spiffe://example/client")}},
		"IP":               {change: admin.ClientChange{AuthMethod: byName, Certificate: names("san_ip", "2001:db8::1")}},
		"e-mail":           {change: admin.ClientChange{AuthMethod: byName, Certificate: names("san_email", "client@example.com")}},
		"no name":          {admin.ClientChange{AuthMethod: byName}, []string{"/tls_client_auth_subject_dn required"}},
		"two names":        {admin.ClientChange{AuthMethod: byName, Certificate: names("san_dns", "a.example", "san_ip", "::1")}, []string{"/tls_client_auth_san_ip contradictory"}},
		"no such subject":  {admin.ClientChange{AuthMethod: byName, Certificate: names("subject_dn", "client")}, []string{"/tls_client_auth_subject_dn invalid"}},
		"wildcard":         {admin.ClientChange{AuthMethod: byName, Certificate: names("san_dns", "*.example")}, []string{"/tls_client_auth_san_dns invalid"}},
		"relative URI":     {admin.ClientChange{AuthMethod: byName, Certificate: names("san_uri", "/client")}, []string{"/tls_client_auth_san_uri invalid"}},
		"network":          {admin.ClientChange{AuthMethod: byName, Certificate: names("san_ip", "192.0.2.0/24")}, []string{"/tls_client_auth_san_ip invalid"}},
		"no e-mail":        {admin.ClientChange{AuthMethod: byName, Certificate: names("san_email", "client")}, []string{"/tls_client_auth_san_email invalid"}},
		"too long":         {admin.ClientChange{AuthMethod: byName, Certificate: names("san_uri", "x:"+strings.Repeat("x", 1000))}, []string{"/tls_client_auth_san_uri invalid"}},
		"name and keys":    {admin.ClientChange{AuthMethod: byName, JWKS: &with, Certificate: names("san_dns", "a.example")}, []string{"/jwks not_allowed"}},
		"name to a secret": {admin.ClientChange{Certificate: names("san_dns", "a.example")}, []string{"/tls_client_auth_san_dns not_allowed"}},
		"self-signed":      {change: admin.ClientChange{AuthMethod: alone, JWKS: &with}},
		"published":        {change: admin.ClientChange{AuthMethod: alone, JWKSURI: said(someURL)}},
		"no certificate":   {admin.ClientChange{AuthMethod: alone, JWKS: &without}, []string{"/jwks/keys/0/x5c required"}},
		"self-signed name": {admin.ClientChange{AuthMethod: alone, JWKS: &with, Certificate: names("san_dns", "a.example")}, []string{"/tls_client_auth_san_dns not_allowed"}},
		"no keys":          {admin.ClientChange{AuthMethod: alone}, []string{"/jwks required"}},
	} {
		test.change.Name, test.change.Grants = said(name), profileReader("").Grants
		outcome, err := h.registrar.Register(t.Context(), h.boss, admin.NewClient{ClientChange: test.change}, false)
		if got := blamed(t, err); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if err != nil {
			continue
		}
		if len(outcome.Client.Secrets) > 0 || outcome.Secret.Reveal() != "" {
			t.Errorf("%s: it has a secret", name)
		}
		// This issuer takes no certificates, and says so.
		if len(outcome.Warnings) == 0 || !strings.Contains(strings.Join(outcome.Warnings, " "), "gets no token as this server is configured") {
			t.Errorf("%s: warned of %q", name, outcome.Warnings)
		}
		if stored, err := h.registrar.Client(t.Context(), h.boss, outcome.Client.ID); err != nil || stored.Certificate != outcome.Client.Certificate ||
			len(stored.Keys) != len(outcome.Client.Keys) || len(stored.Keys) > 0 && !stored.Keys[0].Certificates[0].Equal(outcome.Client.Keys[0].Certificates[0]) {
			t.Errorf("%s: stored is %+v, %v", name, stored, err)
		}
	}
}

// TestCertificateChanges: one name takes the place of another, and none is left where none is of use.
func TestCertificateChanges(t *testing.T) {
	h := newHouse(t)
	client := h.register(t, profileReader("worker"))
	with, without := certifiedSet(t)
	for _, step := range []struct {
		name   string
		change admin.ClientChange
		want   oauth.CertificateName
		blamed []string
	}{
		{"a name", admin.ClientChange{AuthMethod: said(oauth.AuthTLS), Certificate: map[oauth.CertificateField]string{oauth.SANDNS: "a.example"}},
			oauth.CertificateName{Field: oauth.SANDNS, Value: "a.example"}, nil},
		{"something else", admin.ClientChange{Note: said("Certified.")}, oauth.CertificateName{Field: oauth.SANDNS, Value: "a.example"}, nil},
		{"another", admin.ClientChange{Certificate: map[oauth.CertificateField]string{oauth.SANURI: "urn:a"}},
			oauth.CertificateName{Field: oauth.SANURI, Value: "urn:a"}, nil},
		{"one that is not there", admin.ClientChange{Certificate: map[oauth.CertificateField]string{oauth.SANDNS: ""}},
			oauth.CertificateName{Field: oauth.SANURI, Value: "urn:a"}, nil},
		{"none", admin.ClientChange{Certificate: map[oauth.CertificateField]string{oauth.SANURI: ""}},
			oauth.CertificateName{}, []string{"/tls_client_auth_subject_dn required"}},
		{"keys alone", admin.ClientChange{AuthMethod: said(oauth.AuthPrivateKeyJWT), JWKS: &without}, oauth.CertificateName{}, nil},
		{"keys that have no certificate", admin.ClientChange{AuthMethod: said(oauth.AuthSelfSignedTLS)}, oauth.CertificateName{}, []string{"/jwks required"}},
		{"keys that have", admin.ClientChange{AuthMethod: said(oauth.AuthSelfSignedTLS), JWKS: &with}, oauth.CertificateName{}, nil},
	} {
		outcome, err := h.registrar.Change(t.Context(), h.boss, client.ID, nil, step.change, false)
		if got := blamed(t, err); !slices.Equal(got, step.blamed) {
			t.Errorf("%s: %v, want %v", step.name, got, step.blamed)
		}
		if err == nil && outcome.Client.Certificate != step.want {
			t.Errorf("%s: %+v", step.name, outcome.Client.Certificate)
		}
	}
}
