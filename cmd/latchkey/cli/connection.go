package cli

import (
	"context"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// connection is how a command reaches its server. What is not said comes from the environment, then from the
// profile, then from the default.
type connection struct {
	Issuer            string        `group:"Connection" placeholder:"URL" help:"The server. [LATCHKEY_ISSUER, or the profile]"`
	ClientID          string        `group:"Connection" placeholder:"ID" help:"The credential of this command. [LATCHKEY_CLIENT_ID, or the profile] Its secret is never an option: LATCHKEY_CLIENT_SECRET, or the profile."`
	ClientSecretFile  string        `group:"Connection" placeholder:"FILE" help:"File that holds its secret. [LATCHKEY_CLIENT_SECRET_FILE]"`
	ClientSecretStdin bool          `group:"Connection" help:"Read its secret from standard input."`
	Timeout           time.Duration `group:"Connection" placeholder:"DURATION" help:"Longest wait for an answer. [LATCHKEY_TIMEOUT, default 30s]"`
	NoInput           bool          `group:"Connection" help:"Never ask anything."`
}

const (
	defaultIssuer  = "http://localhost:8080"
	defaultTimeout = 30 * time.Second
	maxSecret      = 4096 // Bytes of a secret that is read.
)

// setting is a value and where it comes from.
type setting struct{ Value, Origin string }

// settled are the settings in force.
type settled struct {
	issuer, clientID, clientSecret, timeout setting
	wait                                    time.Duration
}

// settle finds the settings in force. The secret of the profile goes with its issuer and its client ID: it is never
// sent to another server, nor under another name.
func (c *connection) settle(s *Session) (settled, error) {
	kept, err := s.readProfile()
	if err != nil {
		return settled{}, err
	}
	timeout := ""
	if c.Timeout != 0 {
		timeout = c.Timeout.String()
	}
	found := settled{
		issuer:  first(setting{c.Issuer, "flag"}, s.variable("LATCHKEY_ISSUER"), setting{kept.Issuer, "profile"}, setting{defaultIssuer, "default"}),
		timeout: first(setting{timeout, "flag"}, s.variable("LATCHKEY_TIMEOUT"), setting{defaultTimeout.String(), "default"}),
	}
	found.issuer.Value = strings.TrimSuffix(found.issuer.Value, "/")
	if found.wait, err = time.ParseDuration(found.timeout.Value); err != nil || found.wait <= 0 {
		return found, misused("", "the timeout must be a duration such as 30s: %s", found.timeout.Value)
	}
	found.clientID = first(setting{c.ClientID, "flag"}, s.variable("LATCHKEY_CLIENT_ID"))
	if found.clientID.Value == "" && found.issuer.Value == kept.Issuer {
		found.clientID = first(setting{kept.ClientID, "profile"})
	}
	if found.clientSecret, err = c.secret(s); err != nil {
		return found, err
	}
	if found.clientSecret.Value == "" && found.issuer.Value == kept.Issuer && found.clientID.Value == kept.ClientID {
		found.clientSecret = first(setting{kept.ClientSecret, "profile"})
	}
	return found, nil
}

// secret reads the secret from where it was said to be, if anywhere.
func (c *connection) secret(s *Session) (setting, error) {
	file := first(setting{c.ClientSecretFile, "flag"}, s.variable("LATCHKEY_CLIENT_SECRET_FILE"))
	value := first(s.variable("LATCHKEY_CLIENT_SECRET"))
	switch {
	case c.ClientSecretStdin && c.ClientSecretFile != "":
		return setting{}, misused("", "--client-secret-stdin and --client-secret-file contradict each other")
	case c.ClientSecretStdin:
		text, err := s.readLine()
		return setting{text, "stdin"}, err
	case file.Value != "" && value.Value != "" && file.Origin != "flag":
		return setting{}, misused("", "LATCHKEY_CLIENT_SECRET and LATCHKEY_CLIENT_SECRET_FILE contradict each other")
	case file.Value != "":
		text, err := readFile(file.Value, maxSecret)
		if err != nil {
			return setting{}, err
		}
		return setting{strings.TrimRight(string(text), "\r\n"), file.Origin}, nil
	default:
		return value, nil
	}
}

// check refuses settings that cannot work, and those that would show the secret to the network.
func (f settled) check() error {
	issuer, err := url.Parse(f.issuer.Value)
	switch {
	case err != nil || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "":
		return misused("give it by --issuer or LATCHKEY_ISSUER", "%q is not the URL of a server", f.issuer.Value)
	case issuer.Scheme != "https" && !(issuer.Scheme == "http" && loopback(issuer.Hostname())):
		return misused("use https", "the secret would go to %s in the clear", f.issuer.Value)
	case f.clientID.Value == "":
		return &Failure{Code: ExitRefused, Message: "not signed in to " + f.issuer.Value, Hint: "latchkey login, or set LATCHKEY_CLIENT_ID and LATCHKEY_CLIENT_SECRET"}
	case f.clientSecret.Value == "":
		return &Failure{Code: ExitRefused, Message: "no secret for " + f.clientID.Value + " at " + f.issuer.Value, Hint: "latchkey login, or set LATCHKEY_CLIENT_SECRET"}
	}
	return nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// open prepares the requests of a command.
func (c *connection) open(ctx context.Context, s *Session) (*api, error) {
	found, err := c.settle(s)
	if err == nil {
		err = found.check()
	}
	if err != nil {
		return nil, err
	}
	return newAPI(ctx, found), nil
}

// variable answers a variable of the environment as a setting.
func (s *Session) variable(name string) setting { return setting{s.Getenv(name), "environment"} }

// first answers the first setting that has a value.
func first(settings ...setting) setting {
	for _, candidate := range settings {
		if candidate.Value != "" {
			return candidate
		}
	}
	return setting{}
}

// ConfigView prints the settings of the client commands.
type ConfigView struct {
	connection
	list
}

// Run implements the command.
func (c *ConfigView) Run(s *Session) error {
	found, err := c.settle(s)
	if err != nil {
		return err
	}
	secret := found.clientSecret
	if secret.Value != "" {
		secret.Value = "[redacted]"
	}
	rows := []struct {
		Name   string `json:"name"`
		Value  string `json:"value"`
		Origin string `json:"origin"`
	}{
		{"issuer", found.issuer.Value, found.issuer.Origin},
		{"client-id", found.clientID.Value, found.clientID.Origin},
		{"client-secret", secret.Value, secret.Origin},
		{"timeout", found.timeout.Value, found.timeout.Origin},
		{"profile", s.profilePath(), "default"},
	}
	grid := table{{"SETTING", "VALUE", "FROM"}}
	names := make([]string, 0, len(rows))
	for i, row := range rows {
		if row.Value == "" {
			rows[i].Origin = "unset"
		}
		grid = append(grid, []string{row.Name, row.Value, rows[i].Origin})
		names = append(names, row.Name)
	}
	return s.show(c.Output, view{value: rows, table: grid, names: names})
}

// readFile reads a file of the user, up to a limit of bytes.
func readFile(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, misused("", "%s", err)
	}
	defer file.Close()
	return readUpTo(file, name, limit)
}
