package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// options are all that can be configured. The name of a field, in lower case with dashes, is its flag and its key
// in the config file; with LATCHKEY_ before it, in upper case, its environment variable.
type options struct {
	Config string `placeholder:"FILE" help:"Config file: YAML lines of option: value."`

	Addr           string         `default:":8080" help:"Address to listen on."`
	Issuer         string         `placeholder:"URL" help:"The URL under which clients reach this server. Required, but with --dev it is localhost with the port of --addr."`
	TLSCert        string         `and:"tls" placeholder:"FILE" help:"TLS certificate chain in PEM. It is read again when it changes."`
	TLSKey         string         `and:"tls" placeholder:"FILE" help:"Private key of --tls-cert in PEM."`
	BehindTLSProxy bool           `help:"Serve plain HTTP to a proxy that speaks TLS to the clients."`
	TrustedProxies []netip.Prefix `placeholder:"CIDR" help:"Networks of proxies whose X-Forwarded-For is believed."`

	ClientCerts      string `enum:"off,tls,header" default:"off" help:"Where the certificates of clients come from, for tls_client_auth and self_signed_tls_client_auth: off (none are taken), tls (this server's own TLS asks for them) or header (a trusted proxy writes them)."`
	ClientCertHeader string `default:"Client-Cert" placeholder:"NAME" help:"Header in which the trusted proxies write the certificate, for --client-certs=header: as RFC 9440 says, or PEM with URL escapes."`
	ClientCA         string `placeholder:"FILE" help:"Certificates in PEM of the authorities that issue those of clients. Without it there is no tls_client_auth."`

	Dev bool `help:"For trying out: permits plain HTTP, applies the example catalogue to a new database, and keeps a master key beside it."`

	DatabaseURL      string `xor:"database-url" placeholder:"URL" help:"Database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. Without it and --database-url-file it is sqlite:data/latchkey.db."`
	DatabaseURLFile  string `xor:"database-url" placeholder:"FILE" help:"File that holds the URL of the database."`
	DatabaseMaxConns int    `default:"10" help:"Most connections to the database, beside a few for tokens."`
	Migrate          bool   `default:"true" negatable:"" help:"Bring the database schema up to date at start."`
	MasterKey        secret `xor:"master-key" placeholder:"KEY" help:"32 random bytes, in base64 or hex, that seal the signing keys. Make them with: openssl rand -base64 32. Better given by --master-key-file."`
	MasterKeyFile    string `xor:"master-key" placeholder:"FILE" help:"File that holds the master key."`

	KeyModule     string `enum:"none,vault,pkcs11" default:"none" help:"Where new signing keys are made and stay: none (in the database, sealed), vault (the transit engine of Vault or OpenBao, configured by VAULT_ADDR, VAULT_TOKEN and so on) or pkcs11 (needs a program built with that tag)."`
	VaultTransit  string `default:"transit" help:"Path of Vault's transit engine, for --key-module=vault."`
	PKCS11Library string `name:"pkcs11-library" placeholder:"FILE" help:"Shared library of the PKCS #11 module, for --key-module=pkcs11."`
	PKCS11Token   string `name:"pkcs11-token" placeholder:"LABEL" help:"Label of the PKCS #11 token."`
	PKCS11PIN     secret `name:"pkcs11-pin" xor:"pkcs11-pin" placeholder:"PIN" help:"PIN of the PKCS #11 token's user. Better given by --pkcs11-pin-file."`
	PKCS11PINFile string `name:"pkcs11-pin-file" xor:"pkcs11-pin" placeholder:"FILE" help:"File that holds the PIN."`

	PreviousMasterKey     secret `xor:"previous-master-key" placeholder:"KEY" help:"The master key before this one, or the one to come: it opens what latchkey keys reseal has not yet sealed anew."`
	PreviousMasterKeyFile string `xor:"previous-master-key" placeholder:"FILE" help:"File that holds the previous master key."`

	BootstrapClientID         string `placeholder:"ID" help:"Id of the first management credential; without it one is made up and printed."`
	BootstrapClientSecret     secret `xor:"bootstrap-client-secret" placeholder:"SECRET" help:"Secret of the first management credential. Better given by --bootstrap-client-secret-file."`
	BootstrapClientSecretFile string `xor:"bootstrap-client-secret" placeholder:"FILE" help:"File that holds the secret of the first management credential."`
	BootstrapOperator         string `placeholder:"EMAIL" help:"E-mail address of the first operator, an admin, whose link to set a password is printed at the first start. With --dev and without --bootstrap-client-id it is admin@example.com."`

	TokenLifetimeMax  time.Duration           `default:"1h" help:"Longest life of a token, whatever its API allows."`
	SecretOverlapMax  time.Duration           `default:"168h" help:"Longest time that two secrets of a credential may work side by side while one replaces the other; 0 allows none."`
	SigningAlg        jose.SignatureAlgorithm `enum:"ES256,EdDSA,RS256,PS256" default:"ES256" help:"Algorithm that tokens are signed with: ES256, EdDSA, RS256 or PS256."`
	RSABits           int                     `enum:"2048,3072,4096" default:"3072" help:"Size of RSA signing keys: 2048, 3072 or 4096."`
	KeyRotationPeriod time.Duration           `default:"2160h" help:"How long a signing key signs, before the next one does."`
	JWKSMaxAge        time.Duration           `name:"jwks-max-age" default:"5m" help:"How long verifiers may keep the JWKS. Every key is published for longer before it signs."`
	ClockSkew         time.Duration           `default:"1m" help:"How far the clocks of replicas and verifiers may be apart."`
	JWKSURIAllow      []netip.Prefix          `name:"jwks-uri-allow" placeholder:"CIDR" help:"Networks, beyond the public ones, in which credentials may publish their keys."`
	DPoPNonce         bool                    `name:"dpop-nonce" help:"Demand DPoP proofs with a nonce of ours: none can be made long before it is used, and every client needs one request more at first."`
	TokenBackoff      bool                    `default:"true" negatable:"" help:"Tell whoever fails to authenticate as one client 100 times from one address, or 1,000 times as any, to slow down. Whoever authenticates rightly is never held up."`
	ClientRate        float64                 `default:"0" help:"Most token requests a second of one credential, after ten seconds' worth at once; 0 for any number. Each replica counts alone."`
	AddressRate       float64                 `default:"0" help:"Most requests a second for tokens, introspection and revocation from one network, after ten seconds' worth at once; 0 for any number. Each replica counts alone."`
	CachedClients     int                     `default:"20000" help:"Most clients kept in memory."`
	UsageInterval     time.Duration           `default:"5s" help:"How often what credentials did is stored: tokens, refusals, last use."`

	SessionLifetime time.Duration `default:"12h" help:"Longest time that an operator stays signed in."`
	SessionIdle     time.Duration `default:"30m" help:"Longest time that an operator stays signed in without doing anything."`

	OIDCIssuer           string   `name:"oidc-issuer" placeholder:"URL" help:"OpenID Connect provider at which operators may sign in, too."`
	OIDCName             string   `name:"oidc-name" placeholder:"NAME" help:"What people call it; without it, the host of --oidc-issuer."`
	OIDCClientID         string   `name:"oidc-client-id" placeholder:"ID" help:"Client id of this server there. Its redirect URI is the issuer's URL and /console/oidc/callback."`
	OIDCClientSecret     secret   `name:"oidc-client-secret" xor:"oidc-client-secret" placeholder:"SECRET" help:"Client secret of this server there. Better given by --oidc-client-secret-file."`
	OIDCClientSecretFile string   `name:"oidc-client-secret-file" xor:"oidc-client-secret" placeholder:"FILE" help:"File that holds the client secret."`
	OIDCScopes           string   `name:"oidc-scopes" default:"openid email profile" help:"Scopes to ask for, with spaces between."`
	OIDCRole             []string `name:"oidc-role" placeholder:"CLAIM:VALUE=ROLE" help:"Who gets which role, in the whole installation or, with @ORG at the end, in one org. May be repeated. All roles are held at the place of the first rule that fits; whom none fits may not sign in."`

	Console    bool   `default:"true" negatable:"" help:"Serve the console for people at /console/."`
	ConsoleDir string `placeholder:"FOLDER" help:"Read the console's files from this folder at each request, to work on them."`

	RequestTimeout time.Duration `default:"10s" help:"Longest time to work on a request; less than a minute."`
	DrainDelay     time.Duration `default:"500ms" help:"How long to go on accepting connections after a signal to stop."`
	DrainTimeout   time.Duration `default:"20s" help:"How long to wait then for the requests that were accepted."`

	MetricsAddr string     `default:"127.0.0.1:9090" help:"Address of the Prometheus metrics, or off. If the default is taken, a free port is used."`
	Pprof       bool       `help:"Serve profiles at /debug/pprof/ of the metrics address."`
	LogFormat   string     `enum:"json,text" default:"json" help:"Format of the log on stderr: json or text."`
	LogLevel    slog.Level `default:"info" help:"Least level that is logged: debug, info, warn or error."`
}

const metricsOff = "off"

// secret is an option that must never be shown.
type secret string

// String answers "[redacted]".
func (secret) String() string { return "[redacted]" }

// settle fills in the defaults that depend on other options.
func (o *options) settle() {
	if o.DatabaseURL == "" && o.DatabaseURLFile == "" {
		o.DatabaseURL = "sqlite:data/latchkey.db"
	}
	if !o.Dev || o.Issuer != "" {
		return
	}
	scheme := "http"
	if o.TLSCert != "" || o.BehindTLSProxy {
		scheme = "https"
	}
	_, port, _ := net.SplitHostPort(o.Addr)
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return
	}
	o.Issuer = scheme + "://" + net.JoinHostPort("localhost", port)
}

// firstOperator is whom to make the first operator; empty for nobody.
func (o *options) firstOperator() string {
	if o.BootstrapOperator == "" && o.Dev && o.BootstrapClientID == "" && o.Console {
		return "admin@example.com"
	}
	return o.BootstrapOperator
}

// check reads the secrets that are in files, and answers all that is missing or contradictory at once.
func (o *options) check() error {
	err := o.readSecrets()
	if err == nil {
		err = errors.Join(o.checkTransport(), o.checkMasterKey(), o.checkBootstrap(), o.checkOIDC(), o.checkLimits())
	}
	return asUsage(err)
}

// checkDatabase does the same for a command that needs the database and its master key alone.
func (o *options) checkDatabase() error {
	err := o.readSecrets()
	if err == nil {
		err = o.checkMasterKey()
	}
	return asUsage(err)
}

func asUsage(err error) error {
	if err != nil {
		return usageError{err}
	}
	return nil
}

// readSecrets reads the secrets that are in files.
func (o *options) readSecrets() error {
	return errors.Join(
		readSecret(&o.DatabaseURL, o.DatabaseURLFile, "--database-url-file"),
		readSecret(&o.MasterKey, o.MasterKeyFile, "--master-key-file"),
		readSecret(&o.PKCS11PIN, o.PKCS11PINFile, "--pkcs11-pin-file"),
		readSecret(&o.OIDCClientSecret, o.OIDCClientSecretFile, "--oidc-client-secret-file"),
		readSecret(&o.PreviousMasterKey, o.PreviousMasterKeyFile, "--previous-master-key-file"),
		readSecret(&o.BootstrapClientSecret, o.BootstrapClientSecretFile, "--bootstrap-client-secret-file"))
}

func (o *options) checkTransport() error {
	if o.Issuer == "" {
		return errors.New("--issuer is missing: without --dev, and where --addr has no fixed port, it is required")
	}
	if err := oauth.CheckIssuer(o.Issuer); err != nil {
		return fmt.Errorf("--issuer: %w", err)
	}
	https, tls := strings.HasPrefix(o.Issuer, "https:"), o.TLSCert != ""
	switch {
	case tls && o.BehindTLSProxy:
		return errors.New("--tls-cert and --behind-tls-proxy contradict each other: the one serves TLS, the other plain HTTP")
	case !tls && !o.BehindTLSProxy && !o.Dev:
		return errors.New("--tls-cert and --tls-key are missing: without --behind-tls-proxy or --dev, plain HTTP is not served")
	case tls && !https:
		return fmt.Errorf("--issuer %s and --tls-cert contradict each other: it must begin with https", o.Issuer)
	case o.ClientCerts == clientCertsTLS && !tls:
		return errors.New("--client-certs=tls needs --tls-cert and --tls-key: certificates of clients come with TLS alone")
	case o.ClientCerts == clientCertsHeader && len(o.TrustedProxies) == 0:
		return errors.New("--client-certs=header needs --trusted-proxies: from anybody else the header is not believed")
	case o.ClientCerts == clientCertsHeader && !isHeaderName(o.ClientCertHeader):
		return fmt.Errorf("--client-cert-header: %q is not the name of a header", o.ClientCertHeader)
	case o.ClientCA != "" && o.ClientCerts == clientCertsOff:
		return errors.New("--client-ca is of no use without --client-certs")
	case o.BehindTLSProxy && !https:
		return fmt.Errorf("--issuer %s and --behind-tls-proxy contradict each other: it must begin with https", o.Issuer)
	default:
		return nil
	}
}

func (o *options) checkMasterKey() error {
	if o.PreviousMasterKey != "" {
		if _, err := parseMasterKey("--previous-master-key", o.PreviousMasterKey); err != nil {
			return err
		}
	}
	if o.MasterKey != "" {
		_, err := parseMasterKey("--master-key", o.MasterKey)
		return err
	}
	if _, file := o.sqliteFile(); o.Dev && !file {
		return errors.New("--master-key is missing: --dev makes one only for an SQLite database; make one with `openssl rand -base64 32`")
	}
	if !o.Dev {
		return errors.New("--master-key is missing: make one with `openssl rand -base64 32`, and keep it, in --master-key-file or LATCHKEY_MASTER_KEY")
	}
	return nil
}

func (o *options) checkBootstrap() error {
	switch id, secret := o.BootstrapClientID, o.BootstrapClientSecret; {
	case id == "" && secret == "":
		return nil
	case id == "":
		return errors.New("--bootstrap-client-secret needs --bootstrap-client-id")
	case secret == "":
		return errors.New("--bootstrap-client-id needs --bootstrap-client-secret")
	default:
		return admin.CheckFirstClient(id, oauth.NewPlaintext(string(secret)))
	}
}

func (o *options) checkLimits() error {
	// What net/url says about a broken URL would show the password in it.
	_, urlErr := url.Parse(o.DatabaseURL)
	_, port, addrErr := net.SplitHostPort(o.Addr)
	if addrErr == nil {
		_, addrErr = net.LookupPort("tcp", port)
	}
	var broken []error
	for _, rule := range []struct {
		holds bool
		text  string
	}{
		{urlErr == nil, "--database-url is not a URL"},
		{addrErr == nil, "--addr must be HOST:PORT or :PORT"},
		{o.DatabaseMaxConns >= 1, "--database-max-conns must be at least 1"},
		{o.TokenLifetimeMax >= time.Second, "--token-lifetime-max must be at least 1s"},
		{o.KeyModule != "pkcs11" || o.PKCS11Library != "" && o.PKCS11Token != "", "--key-module=pkcs11 needs --pkcs11-library and --pkcs11-token"},
		{o.JWKSMaxAge >= time.Second, "--jwks-max-age must be at least 1s"},
		{o.ClockSkew >= 0, "--clock-skew must not be negative"},
		{o.KeyRotationPeriod >= 2*o.keyLead(), "--key-rotation-period must be at least twice --jwks-max-age and --clock-skew together"},
		{o.SecretOverlapMax >= 0, "--secret-overlap-max must not be negative"},
		{o.CachedClients >= 1, "--cached-clients must be at least 1"},
		{o.ClientRate >= 0, "--client-rate must not be negative"},
		{o.AddressRate >= 0, "--address-rate must not be negative"},
		{o.UsageInterval > 0, "--usage-interval must be more than 0"},
		{o.SessionLifetime >= time.Minute, "--session-lifetime must be at least 1m"},
		{o.SessionIdle >= time.Minute, "--session-idle must be at least 1m"},
		{o.RequestTimeout > 0 && o.RequestTimeout < time.Minute, "--request-timeout must be more than 0 and less than 1m"},
		{o.DrainDelay >= 0, "--drain-delay must not be negative"},
		{o.DrainTimeout > 0, "--drain-timeout must be more than 0"},
		{!o.Pprof || o.MetricsAddr != metricsOff, "--pprof and --metrics-addr=off contradict each other"},
	} {
		if !rule.holds {
			broken = append(broken, errors.New(rule.text))
		}
	}
	return errors.Join(broken...)
}

// keyLead is how long a signing key is published before it signs.
func (o *options) keyLead() time.Duration { return o.JWKSMaxAge + o.ClockSkew }

// rotation is how signing keys take turns.
func (o *options) rotation() oauth.Rotation {
	return oauth.Rotation{
		Algorithms: []jose.SignatureAlgorithm{o.SigningAlg},
		Period:     o.KeyRotationPeriod, Lead: o.keyLead(), Tail: o.TokenLifetimeMax + o.ClockSkew,
	}
}

// sqliteFile answers the path of the database, if it is a file.
func (o *options) sqliteFile() (string, bool) { return strings.CutPrefix(o.DatabaseURL, "sqlite:") }

// readSecret reads a secret from a file, if one is named. One line end after it does not belong to it.
func readSecret[T ~string](value *T, file, option string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", option, err)
	}
	*value = T(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"))
	if *value == "" {
		return fmt.Errorf("%s: %s is empty", option, file)
	}
	return nil
}
