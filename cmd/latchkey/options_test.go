package main

import (
	"bytes"
	"strings"
	"testing"
)

const goodKey = "--master-key=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// TestContradictions calls `latchkey config`, which answers what is wrong as serve would.
func TestContradictions(t *testing.T) {
	for name, test := range map[string]struct {
		args    string
		blames  []string // Nothing, if nothing is wrong.
		environ []string
	}{
		"dev":                        {args: "--dev"},
		"proxy":                      {args: "--issuer=https://a.example --behind-tls-proxy " + goodKey},
		"tls":                        {args: "--issuer=https://a.example --tls-cert=c --tls-key=k " + goodKey},
		"hex key":                    {args: "--dev --master-key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
		"raw key":                    {args: "--dev --master-key=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},
		"nothing":                    {args: "", blames: []string{"--issuer", "--master-key", "openssl rand -base64 32"}},
		"plain http":                 {args: "--issuer=https://a.example " + goodKey, blames: []string{"--behind-tls-proxy", "--tls-cert", "--dev"}},
		"http behind a proxy":        {args: "--issuer=http://a.example --behind-tls-proxy " + goodKey, blames: []string{"--issuer", "--behind-tls-proxy"}},
		"http with tls":              {args: "--dev --issuer=http://a.example --tls-cert=c --tls-key=k", blames: []string{"--issuer", "--tls-cert"}},
		"tls and proxy":              {args: "--issuer=https://a.example --tls-cert=c --tls-key=k --behind-tls-proxy " + goodKey, blames: []string{"--tls-cert", "--behind-tls-proxy"}},
		"half of tls":                {args: "--dev --tls-cert=c", blames: []string{"--tls-cert", "--tls-key"}},
		"key twice":                  {args: "--dev --master-key-file=f " + goodKey, blames: []string{"--master-key", "--master-key-file"}},
		"key twice, apart":           {args: "--dev --master-key-file=f", environ: []string{"LATCHKEY_MASTER_KEY=x"}, blames: []string{"--master-key", "--master-key-file"}},
		"short key":                  {args: "--dev --master-key=c2hvcnQ=", blames: []string{"--master-key"}},
		"missing key file":           {args: "--dev --master-key-file=/no/such/file", blames: []string{"--master-key-file"}},
		"dev on postgres":            {args: "--dev --database-url=postgres://db/x", blames: []string{"--master-key"}},
		"secret without id":          {args: "--dev --bootstrap-client-secret=s", blames: []string{"--bootstrap-client-id"}},
		"profiles without a place":   {args: "--dev --pprof --metrics-addr=off", blames: []string{"--pprof", "--metrics-addr"}},
		"no address":                 {args: "--dev --addr=8080", blames: []string{"--addr"}},
		"negative delay":             {args: "--dev --drain-delay=-1s", blames: []string{"--drain-delay"}},
		"no time":                    {args: "--dev --request-timeout=2m", blames: []string{"--request-timeout"}},
		"a port for a service":       {args: "--dev", environ: []string{"LATCHKEY_PORT=8080"}, blames: []string{"LATCHKEY_PORT"}},
		"what is no number":          {args: "--dev", environ: []string{"LATCHKEY_CACHED_CLIENTS=many"}, blames: []string{"--cached-clients"}},
		"another provider":           {args: "--dev --oidc-issuer=https://people.example --oidc-client-id=latchkey --oidc-role=groups:a=admin"},
		"a provider here":            {args: "--dev --oidc-issuer=http://127.0.0.1:9000 --oidc-client-id=latchkey --oidc-role=groups:a=admin"},
		"a provider in the clear":    {args: "--dev --oidc-issuer=http://people.example --oidc-client-id=latchkey --oidc-role=groups:a=admin", blames: []string{"--oidc-issuer"}},
		"a provider in cleartext":    {args: "--issuer=https://a.example --behind-tls-proxy " + goodKey + " --oidc-issuer=http://127.0.0.1:9000 --oidc-client-id=latchkey --oidc-role=groups:a=admin", blames: []string{"--oidc-issuer"}},
		"a provider with a query":    {args: "--dev --oidc-issuer=https://people.example?a=b --oidc-client-id=latchkey --oidc-role=groups:a=admin", blames: []string{"--oidc-issuer"}},
		"a provider alone":           {args: "--dev --oidc-issuer=https://people.example", blames: []string{"--oidc-client-id", "--oidc-role"}},
		"no provider":                {args: "--dev --oidc-client-id=latchkey", blames: []string{"--oidc-issuer"}},
		"a provider, no console":     {args: "--dev --oidc-issuer=https://people.example --oidc-client-id=latchkey --oidc-role=groups:a=admin --no-console", blames: []string{"--oidc-issuer", "--no-console"}},
		"a role that there is not":   {args: "--dev --oidc-issuer=https://people.example --oidc-client-id=latchkey --oidc-role=groups:a=admin --oidc-role=groups:a=king", blames: []string{"--oidc-role", "king"}},
		"scopes without openid":      {args: "--dev --oidc-issuer=https://people.example --oidc-client-id=latchkey --oidc-role=groups:a=admin --oidc-scopes=email", blames: []string{"--oidc-scopes"}},
		"a variable that is not set": {args: "--dev", environ: []string{"LATCHKEY_TLS_CERT=", "LATCHKEY_NOTHING="}},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"config"}, strings.Fields(test.args)...), test.environ, &stdout, &stderr)
			if want := map[bool]int{true: 0, false: exitUsage}[test.blames == nil]; code != want {
				t.Errorf("the exit code is %d; want %d: %s", code, want, &stderr)
			}
			for _, option := range test.blames {
				if !strings.Contains(stderr.String(), option) {
					t.Errorf("%s is not blamed: %s", option, &stderr)
				}
			}
		})
	}
}

func TestWithoutPassword(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:data/latchkey.db":            "",
		"sqlite:///var/lib/latchkey.db":      "",
		"postgres://db/latchkey":             "",
		"postgres://user@db/latchkey":        "",
		"postgres://user:p%40ss@db/latchkey": "postgres://user:[redacted]@db/latchkey",
		"postgres://db/x?password=pass&a=b":  "postgres://db/x?a=b&password=[redacted]",
		"postgres://user:pass%@db/latchkey":  "[redacted]",
	} {
		shown, hidden := withoutPassword(url)
		if want == "" {
			want = url
		}
		if shown != want || hidden != (want != url) {
			t.Errorf("%s is shown as %s, %v", url, shown, hidden)
		}
	}
}
