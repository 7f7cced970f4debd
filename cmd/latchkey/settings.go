package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// settings answers the options that are not on the command line: from the environment or else from the config
// file. An empty value is as if it were not there.
//
// kong's own tag for the environment is not used: it reads the process's, and lets a file win over it.
type settings struct {
	environ map[string]string
	path    string              // Of the config file; empty for none.
	file    map[string]string   // Nil until it has been read.
	failure error               // Of reading it.
	origins map[string]string   // Of the options that somebody gave a value: flag, environment or file.
	known   map[*kong.Flag]bool // The options of the server. Client commands find their settings themselves.
}

func newSettings(environ []string) *settings {
	s := &settings{environ: make(map[string]string), origins: make(map[string]string), known: make(map[*kong.Flag]bool)}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		s.environ[name] = value
	}
	return s
}

// learn notes which flags are options of the server.
func (s *settings) learn(node *kong.Node) {
	for _, flag := range node.Flags {
		if isServer(node) {
			s.known[flag] = true
		}
	}
	for _, child := range node.Children {
		s.learn(child)
	}
}

// isServer reports whether a command takes the options of the server, of which --config is one.
func isServer(node *kong.Node) bool {
	return slices.ContainsFunc(node.Flags, func(flag *kong.Flag) bool { return flag.Name == "config" })
}

// variable is the name of an option in the environment.
func variable(option string) string {
	return "LATCHKEY_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// Resolve implements kong.Resolver.
func (s *settings) Resolve(parsed *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || !s.known[flag] {
		return nil, nil
	}
	// kong would blame the failure on the first flag that it asks for.
	s.failure = errors.Join(s.failure, s.readFile(parsed))
	if value := s.environ[variable(flag.Name)]; value != "" {
		s.origins[flag.Name] = "environment"
		return value, nil
	}
	if value := s.file[flag.Name]; value != "" {
		s.origins[flag.Name] = "file"
		return value, nil
	}
	return nil, nil
}

// Validate implements kong.Resolver.
func (*settings) Validate(*kong.Application) error { return nil }

// readFile reads the config file that --config or LATCHKEY_CONFIG names, once.
func (s *settings) readFile(parsed *kong.Context) error {
	if s.file != nil {
		return nil
	}
	s.file = make(map[string]string)
	s.path = s.environ[variable("config")]
	for _, element := range parsed.Path {
		if element.Flag != nil && element.Flag.Name == "config" {
			s.path, _ = parsed.FlagValue(element.Flag).(string)
		}
	}
	if s.path == "" {
		return nil
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	var values map[string]oneOrMore
	if err := yaml.Unmarshal(text, &values); err != nil {
		// Without the lines around it, which may hold secrets.
		return fmt.Errorf("%s: %s", s.path, yaml.FormatError(err, false, false))
	}
	for name, value := range values {
		s.file[name] = string(value)
	}
	return nil
}

// oneOrMore is a value of the config file. A list is the same as its elements with commas between.
type oneOrMore string

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (v *oneOrMore) UnmarshalYAML(unmarshal func(any) error) error {
	var list []string
	if unmarshal(&list) == nil {
		*v = oneOrMore(strings.Join(list, ","))
		return nil
	}
	return unmarshal((*string)(v))
}

// check refuses what no option is called: a misspelt option would not be in force, and nobody would know.
func (s *settings) check(parsed *kong.Context) error {
	for _, element := range parsed.Path {
		if element.Flag != nil && !element.Resolved {
			s.origins[element.Flag.Name] = "flag"
		}
	}
	known := make(map[string]bool)
	for _, flag := range parsed.Selected().Flags {
		known[flag.Name], known[variable(flag.Name)] = true, true
	}
	if !known["config"] {
		return nil // The command has none of the server's options.
	}
	var unknown []string
	for name, value := range s.environ {
		if strings.HasPrefix(name, "LATCHKEY_") && value != "" && !known[name] && !foreign(name, value) {
			unknown = append(unknown, name)
		}
	}
	for name := range s.file {
		if name == "config" || !known[name] {
			unknown = append(unknown, fmt.Sprintf("%s in %s", name, s.path))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("there is no such option: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// foreign reports whether a variable is not for the server: it is for the commands that are clients, or for tests,
// or Kubernetes has set it in every pod beside a Service called latchkey.
func foreign(name, value string) bool {
	return regexp.MustCompile(`^LATCHKEY_(` +
		`CLIENT_ID=|CLIENT_SECRET(_FILE)?=|TIMEOUT=|TEST_` +
		`|(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=|PORT=\w+://|PORT_\d+_\w+=))`).MatchString(name + "=" + value)
}

// origin says where the value of an option comes from.
func (s *settings) origin(option string) string { return cmp.Or(s.origins[option], "default") }

// chosen reports whether the operator gave the option a value.
func (s *settings) chosen(option string) bool { return s.origins[option] != "" }

// getenv answers a variable of the environment, as os.Getenv does.
func (s *settings) getenv(name string) string { return s.environ[name] }

// describe is the help of an option.
func (s *settings) describe(value *kong.Value) string {
	if value.Name == "help" || !s.known[value.Flag] {
		return value.Help
	}
	if value.HasDefault {
		return fmt.Sprintf("%s [%s, default %s]", value.Help, variable(value.Name), value.Default)
	}
	return fmt.Sprintf("%s [%s]", value.Help, variable(value.Name))
}
