package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/cli"
)

// clientError is a failure of a client command. It is printed as the command prints its data.
type clientError struct {
	*cli.Failure
	asJSON bool
}

// runClient runs a command that is a client of a server.
func runClient(ctx context.Context, parsed *kong.Context, s *settings, stdout, stderr io.Writer) error {
	folder, err := os.UserConfigDir()
	if err != nil {
		folder = "" // Without a home there is no profile, and the environment must do.
	}
	session := &cli.Session{
		Stdin: os.Stdin, Stdout: stdout, Stderr: stderr, Getenv: s.getenv, ConfigDir: folder, Now: now,
	}
	err = session.Run(ctx, parsed)
	var failure *cli.Failure
	if !errors.As(err, &failure) {
		return err
	}
	return clientError{failure, formatOf(parsed) == "json"}
}

// misused says what is wrong with a command line, as the command that was meant says it.
func misused(err error) error {
	var mistake *kong.ParseError
	if !errors.As(err, &mistake) || mistake.Context == nil {
		return usageError{err}
	}
	node := mistake.Context.Selected()
	if node == nil || isServer(node) {
		return usageError{err}
	}
	hint := node.FullPath() + " --help"
	return clientError{Failure: &cli.Failure{Code: cli.ExitUsage, Message: err.Error(), Hint: hint}}
}

// formatOf answers what -o says.
func formatOf(parsed *kong.Context) string {
	for _, flag := range parsed.Flags() {
		if flag.Name == "output" {
			format, _ := parsed.FlagValue(flag).(string)
			return format
		}
	}
	return ""
}

// helpTopic is the command help.
type helpTopic struct {
	Topic []string `arg:"" optional:"" help:"A command, or exit-codes."`
}

func printHelp(ctx context.Context, topic []string, environ []string, stdout, stderr io.Writer) error {
	if len(topic) == 1 && topic[0] == "exit-codes" {
		_, err := io.WriteString(stdout, cli.ExitCodes)
		return err
	}
	return runCommand(ctx, append(topic, "--help"), environ, stdout, stderr)
}

// addExamples puts an example into the help of each client command.
func addExamples(node *kong.Node) {
	examples := cli.Examples()
	for _, leaf := range node.Leaves(false) {
		if example := examples[leaf.Path()]; example != "" {
			leaf.Detail = "Example: " + example
		}
	}
}
