package main

import (
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// printConfig prints the configuration in force as a config file, and then answers what is wrong with it. A line
// that had to hide something is commented out, so that the file can be used.
func printConfig(o *options, s *settings, parsed *kong.Context, stdout io.Writer) error {
	o.settle()
	for _, flag := range parsed.Selected().Flags {
		if flag.Name == "config" {
			continue
		}
		value, hidden := shown(flag)
		quoted, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		comment := ""
		if hidden {
			comment = "# "
		}
		fmt.Fprintf(stdout, "%s%s: %s # %s\n", comment, flag.Name, strings.TrimSpace(string(quoted)), s.origin(flag.Name))
	}
	return o.check()
}

// shown answers the value of an option as it may be shown, and whether something is hidden in it.
func shown(flag *kong.Flag) (value any, hidden bool) {
	switch current := flag.Target.Interface().(type) {
	case secret:
		if current == "" {
			return "", false
		}
		return current.String(), true
	case string:
		if flag.Name == "database-url" {
			return withoutPassword(current)
		}
		return current, false
	case []netip.Prefix:
		networks := make([]string, len(current))
		for i, network := range current {
			networks[i] = network.String()
		}
		return strings.Join(networks, ","), false
	case []string:
		return strings.Join(current, ","), false
	case fmt.Stringer: // Durations and the log level, which YAML does not know.
		return current.String(), false
	default:
		return current, false
	}
}

// withoutPassword hides the passwords in a URL, which may stand before the host and in the query.
func withoutPassword(text string) (shown string, hidden bool) {
	address, err := url.Parse(text)
	if err != nil {
		return secret("").String(), true
	}
	const mask = "xxxxx" // What net/url writes, and nothing has to escape.
	query := address.Query()
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, mask)
			address.RawQuery = query.Encode()
		}
	}
	masked := address.Redacted()
	if masked == text || !strings.Contains(masked, mask) {
		return text, false
	}
	return strings.ReplaceAll(masked, mask, secret("").String()), true
}
