package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"text/template"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// apacheModules is where Debian and what descends from it keep Apache's modules.
const apacheModules = "/usr/lib/apache2/modules"

// apacheConfig is a gateway in front of an API: every location judges the token by mod_oauth2 in a way of its own, and
// hands on to the API whom the token is about.
var apacheConfig = template.Must(template.New("apache").Parse(`
ServerRoot {{.Root}}
ServerName 127.0.0.1
PidFile {{.Root}}/pid
DefaultRuntimeDir {{.Root}}
Mutex file:{{.Root}}
ErrorLog {{.Root}}/log
LogLevel warn
{{range .Modules}}
LoadModule {{.}}_module ` + apacheModules + `/mod_{{.}}.so
{{- end}}
{{if .User}}User {{.User}}
Group {{.User}}{{end}}
Listen {{.Plain}}
Listen {{.Secure}}
ProxyPass / {{.API}}/
<VirtualHost {{.Secure}}>
	SSLEngine on
	SSLCertificateFile {{.Root}}/cert.pem
	SSLCertificateKeyFile {{.Root}}/key.pem
	SSLCACertificateFile {{.CA}}
	SSLVerifyClient optional
	ProxyPass / {{.API}}/
</VirtualHost>
<Location />
	AuthType oauth2
	OAuth2TargetPass "headers=true&prefix=Token-"
	<RequireAll>
		Require oauth2_claim "iss:{{.Issuer}}"
		Require oauth2_claim "aud:{{.Audience}}"
	</RequireAll>
</Location>
<Location /offline>
	OAuth2TokenVerify jwks_uri {{.Issuer}}{{.JWKSPath}} "verify.exp=required"
</Location>
<Location /online>
	# Without the expiry, it would keep an answer for five minutes.
	OAuth2TokenVerify introspect {{.Issuer}}{{.IntrospectPath}} "introspect.auth=client_secret_basic&client_id={{.ID}}&client_secret={{.Secret}}&expiry=0"
</Location>
<Location /dpop>
	OAuth2AcceptTokenIn header "type=DPoP"
	OAuth2TokenVerify jwks_uri {{.Issuer}}{{.JWKSPath}} "verify.exp=required&type=dpop"
</Location>
<Location /mtls>
	OAuth2TokenVerify jwks_uri {{.Issuer}}{{.JWKSPath}} "verify.exp=required&type=mtls"
</Location>
`))

// apache is a running Apache with mod_oauth2.
type apache struct {
	plain, secure string
}

// startApache starts an Apache that trusts the issuer, and introspects as one of its clients.
func startApache(t *testing.T, who identity, root *issued, ca string) apache {
	t.Helper()
	program, err := exec.LookPath("apache2")
	if err != nil {
		program = "/usr/sbin/apache2" // Which is not in everybody's PATH.
	}
	if _, err := os.Stat(apacheModules + "/mod_oauth2.so"); err != nil {
		t.Skipf("this machine has no Apache with mod_oauth2, which Debian and Ubuntu package: %v", err)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Token-sub"))
	}))
	t.Cleanup(api.Close)
	directory := t.TempDir()
	own := root.issue(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(own.private)
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := freeAddress(t), freeAddress(t)
	var config bytes.Buffer
	values := map[string]any{
		"Root": directory, "Plain": plain, "Secure": secure, "API": api.URL, "CA": ca, "User": "",
		"Issuer": who.issuer, "Audience": admin.ManagementAudience(who.issuer), "ID": url.QueryEscape(who.id), "Secret": url.QueryEscape(who.secret),
		"JWKSPath": oauth.JWKSPath, "IntrospectPath": oauth.IntrospectPath,
		"Modules": []string{"mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "socache_shmcb", "ssl", "oauth2"},
	}
	if os.Getuid() == 0 {
		values["User"] = "www-data" // Apache does not serve as root.
	}
	if err := apacheConfig.Execute(&config, values); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"apache.conf": config.Bytes(), "cert.pem": own.pem(), "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	} {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := exec.Command(program, "-DFOREGROUND", "-f", filepath.Join(directory, "apache.conf"))
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(directory, "log"))
			t.Logf("Apache says:\n%s", log)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if connection, err := net.Dial("tcp", plain); err == nil {
			connection.Close()
			return apache{"http://" + plain, "https://" + secure}
		}
		if time.Now().After(deadline) {
			t.Fatal("Apache does not start")
		}
	}
}

// ask presents a token, and answers the status and whom Apache told the API that it is about.
func (a apache) ask(t *testing.T, over *http.Client, address, token string, proof ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if len(proof) > 0 {
		request.Header.Set("Authorization", "DPoP "+token)
		request.Header["DPoP"] = proof
	}
	response, err := over.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	subject, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(subject)
}

// TestApache: Apache's mod_oauth2 lets our tokens in, by our keys and by introspection, bound ones with what they are
// bound to, and nothing else.
func TestApache(t *testing.T) {
	root, ca := newAuthority(t)
	first := startWith(t, identity{}, "LATCHKEY_CLIENT_CERTS=header", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1/32", "LATCHKEY_CLIENT_CA="+ca)
	m := newManager(t, first)
	gateway := startApache(t, m.identity, root, ca)
	register := func(name, members string) identity {
		made := m.do(t, http.StatusCreated, "POST", "/credentials", fmt.Sprintf(`{"name": %q, %s %s}`, name, members, management))
		return identity{first.issuer, made["client_id"].(string), made["client_secret"].(string)}
	}
	tokenOf := func(who identity) string {
		t.Helper()
		config := clientcredentials.Config{ClientID: who.id, ClientSecret: who.secret, TokenURL: who.issuer + oauth.TokenPath}
		token, err := config.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return token.AccessToken
	}
	expect := func(t *testing.T, why string, want int, subject string, over *http.Client, address, token string, proof ...string) {
		t.Helper()
		status, got := gateway.ask(t, over, address, token, proof...)
		if status != want || status == http.StatusOK && got != subject {
			t.Errorf("%s: %d for %q, want %d for %q", why, status, got, want, subject)
		}
	}
	caller, brief := register("Caller", ""), register("Brief", `"token_lifetime": 1,`)
	stranger := startWith(t, identity{})
	made := m.do(t, http.StatusCreated, "POST", "/credentials", `{"name": "Elsewhere", "org_id": "org_example",
		"grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`)
	elsewhere := identity{first.issuer, made["client_id"].(string), made["client_secret"].(string)}

	token := tokenOf(caller)
	expired := tokenOf(brief)
	time.Sleep(2 * time.Second)
	for _, location := range []string{"/offline", "/online"} {
		t.Run(location, func(t *testing.T) {
			address := gateway.plain + location
			expect(t, "our token", http.StatusOK, caller.id, http.DefaultClient, address, token)
			expect(t, "a forged one", http.StatusUnauthorized, "", http.DefaultClient, address, forge(token))
			expect(t, "another issuer's", http.StatusUnauthorized, "", http.DefaultClient, address, tokenOf(stranger))
			expect(t, "for another audience", http.StatusUnauthorized, "", http.DefaultClient, address, tokenOf(elsewhere))
			expect(t, "an expired one", http.StatusUnauthorized, "", http.DefaultClient, address, expired)
		})
	}
	t.Run("deactivated", func(t *testing.T) {
		address := gateway.plain + "/online"
		for range 5 {
			fresh := tokenOf(caller)
			expect(t, "before", http.StatusOK, caller.id, http.DefaultClient, address, fresh)
			m.do(t, http.StatusOK, "POST", "/credentials/"+caller.id+"/deactivate", "")
			expect(t, "after", http.StatusUnauthorized, "", http.DefaultClient, address, fresh)
			m.do(t, http.StatusOK, "POST", "/credentials/"+caller.id+"/activate", "")
		}
	})
	t.Run("DPoP", func(t *testing.T) {
		issuer := bearertest.New(t)
		holder, address := issuer.NewHolder(), gateway.plain+"/dpop"
		who := caller
		bound := askBound(t, who, proofOf(holder, "POST", who.issuer+oauth.TokenPath, "", ""))
		if bound.status != http.StatusOK {
			t.Fatalf("%+v", bound)
		}
		expect(t, "with a proof", http.StatusOK, caller.id, http.DefaultClient, address, bound.Token, proofOf(holder, "GET", address, "", bound.Token))
		expect(t, "with another's", http.StatusUnauthorized, "", http.DefaultClient, address, bound.Token, proofOf(issuer.NewHolder(), "GET", address, "", bound.Token))
		expect(t, "for another URL", http.StatusUnauthorized, "", http.DefaultClient, address, bound.Token, proofOf(holder, "GET", address+"/x", "", bound.Token))
		expect(t, "without one", http.StatusUnauthorized, "", http.DefaultClient, address, bound.Token)
		expect(t, "an unbound token", http.StatusUnauthorized, "", http.DefaultClient, address, tokenOf(caller), proofOf(holder, "GET", address, "", ""))
	})
	t.Run("mutual TLS", func(t *testing.T) {
		own, other, address := root.issue(t, forClient("client.example")), root.issue(t, forClient("other.example")), gateway.secure+"/mtls"
		id := m.newCertified(t, "Certified", `"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "client.example"`)
		status, body, err := askCertified(t.Context(), first.issuer, id, own)
		var bound tokenAnswer
		if err != nil || status != http.StatusOK || json.Unmarshal([]byte(body), &bound) != nil {
			t.Fatalf("%d %s %v", status, body, err)
		}
		expect(t, "with its certificate", http.StatusOK, id, root.as(own), address, bound.Token)
		expect(t, "with another", http.StatusUnauthorized, "", root.as(other), address, bound.Token)
		expect(t, "with none", http.StatusUnauthorized, "", root.as(nil), address, bound.Token)
		expect(t, "an unbound token", http.StatusUnauthorized, "", root.as(own), address, tokenOf(caller))
	})
}
