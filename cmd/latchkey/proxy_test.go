package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// TestProxy runs what deploy/compose.yaml does, without containers: HAProxy with the file that is shipped, in front of
// three replicas on one PostgreSQL. Only where things are is replaced in the file.
func TestProxy(t *testing.T) {
	database := sharedPostgres.NewDatabase(t)
	var replicas []*program
	var metrics, backends []string
	for i := range 3 {
		metrics = append(metrics, freeAddress(t))
		replica := startProgram(t, database, "LATCHKEY_METRICS_ADDR="+metrics[i], "LATCHKEY_TRUSTED_PROXIES=127.0.0.1/32")
		replicas = append(replicas, replica)
		backends = append(backends, fmt.Sprintf("  server replica%d %s", i, strings.TrimPrefix(replica.issuer, "http://")))
	}
	front := replicas[0].identity
	var browser *http.Client
	front.issuer, browser = startProxy(t, strings.Join(backends, "\n"))
	direct := newLever(t, replicas[0].identity)
	ask := func(want int) {
		t.Helper()
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, front.issuer+oauth.TokenPath,
			strings.NewReader("grant_type=client_credentials"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("X-Forwarded-For", "203.0.113.9") // A lie.
		request.SetBasicAuth(front.id, front.secret)
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, _ := io.ReadAll(response.Body); response.StatusCode != want {
			t.Fatalf("a token request answered %d: %s; want %d", response.StatusCode, body, want)
		}
	}

	before := issuedBy(t, metrics)
	for range 30 {
		ask(http.StatusOK)
	}
	for i, n := range issuedBy(t, metrics) {
		if n-before[i] != 10 {
			t.Errorf("replica %d issued %d of 30 tokens, want 10", i, n-before[i])
		}
	}

	// Off at one replica is off at all, from the answer on.
	for range 10 {
		direct.pull(t, front.id, "deactivate")
		for range 3 {
			ask(http.StatusUnauthorized)
		}
		direct.pull(t, front.id, "activate")
		for range 3 {
			ask(http.StatusOK)
		}
	}

	// The trail names the client's address, whatever the client says, and neither the proxy's nor the lie.
	through := *direct
	through.issuer, through.http = front.issuer, bearing(t, browser, front)
	id, err := through.create("Made through the proxy")
	if err != nil {
		t.Fatal(err)
	}
	var created string
	direct.collect(t, "/admin/v1/events", func(row map[string]any) string {
		if row["target"] == id && row["action"] == "credential.created" {
			text, _ := json.Marshal(row)
			created = string(text)
		}
		return ""
	})
	if !strings.Contains(created, `"`+clientAddress+`"`) || strings.Contains(created, "203.0.113.9") {
		t.Errorf("the event of a request from %s is %s", clientAddress, created)
	}

	// One dies: those that remain answer everybody, and take it back when it is there again.
	replicas[1].kill()
	for range 30 {
		ask(http.StatusOK)
	}
	replicas[1].start(t)
	for deadline := time.Now().Add(time.Minute); issuedBy(t, metrics)[1] == 0; ask(http.StatusOK) {
		if time.Now().After(deadline) {
			t.Fatal("the proxy never sends anybody to a replica that has come back")
		}
	}
}

// clientAddress is where the test's client comes from: another address than the proxy's, and still this machine's.
const clientAddress = "127.0.0.2"

// startProxy runs HAProxy before some servers, and answers its URL and a client that trusts its certificate.
func startProxy(t *testing.T, servers string) (issuer string, client *http.Client) {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		program = "/usr/sbin/haproxy" // Debian's place, in no PATH but root's.
	}
	shipped, err := os.ReadFile("../../deploy/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	folder, address := t.TempDir(), freeAddress(t)
	certificate, roots := proxyCertificate(t)
	config := string(shipped)
	for _, replacement := range []struct{ pattern, text string }{
		{`bind :8443 ssl crt \S+`, "bind " + address + " ssl crt " + filepath.Join(folder, "tls.pem")},
		{`(?m)^  server-template .*$`, servers},
	} {
		place := regexp.MustCompile(replacement.pattern)
		if len(place.FindAllString(config, -1)) != 1 {
			t.Fatalf("deploy/haproxy.cfg has no %s", replacement.pattern)
		}
		config = place.ReplaceAllLiteralString(config, replacement.text)
	}
	file := filepath.Join(folder, "haproxy.cfg")
	for name, text := range map[string]string{file: config, filepath.Join(folder, "tls.pem"): certificate} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// With -dW, what HAProxy would only warn of is an error.
	if output, err := exec.Command(program, "-c", "-dW", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("deploy/haproxy.cfg, checked by %s: %v\n%s", program, err, output)
	}
	process := exec.Command(program, "-db", "-f", file)
	process.Stdout, process.Stderr = t.Output(), t.Output()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Process.Kill(); process.Wait() })

	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientAddress)}}
	client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
	}}
	issuer = "https://" + address
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(issuer + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return issuer, client
		}
	}
	t.Fatal("the proxy does not become ready")
	return "", nil
}

// proxyCertificate makes a certificate for 127.0.0.1 with its key, and the pool that holds it.
func proxyCertificate(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(chain)
	return string(chain) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), roots
}

// bearing is a client that sends a token of the management API, and a lie about where it comes from.
func bearing(t *testing.T, client *http.Client, first identity) *http.Client {
	t.Helper()
	token := struct {
		AccessToken string `json:"access_token"`
	}{}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, first.issuer+oauth.TokenPath,
		strings.NewReader("grant_type=client_credentials"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(first.id, first.secret)
	response, err := client.Do(request)
	readJSON(t, response, err, http.StatusOK, &token)
	return &http.Client{Transport: liar{client.Transport, token.AccessToken}}
}

type liar struct {
	http.RoundTripper
	token string
}

func (l liar) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+l.token)
	request.Header.Set("X-Forwarded-For", "203.0.113.9")
	return l.RoundTripper.RoundTrip(request)
}

// issuedBy reads how many tokens each replica has issued since it started.
func issuedBy(t *testing.T, metrics []string) []int {
	t.Helper()
	counts := make([]int, len(metrics))
	for i, address := range metrics {
		line := regexp.MustCompile(`latchkey_token_requests_total\{outcome="issued"\} (\d+)`).FindStringSubmatch(scrape(t, address))
		if line != nil {
			counts[i], _ = strconv.Atoi(line[1])
		}
	}
	return counts
}

// scrape reads the metrics at an address.
func scrape(t *testing.T, address string) string {
	t.Helper()
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
