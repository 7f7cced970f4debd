// Command latchkey is the Latchkey authorization server. serve.go wires it, from top to bottom in the order in
// which things start; options.go is all that can be configured.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/cli"
)

func main() {
	runtime.MemProfileRate = 0 // To note who allocates what takes 1.5 MiB, which --pprof alone needs.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// The exit codes beside 0.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a mistake in how the program was called or configured.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run is the whole program. It ends when the command has, or soon after ctx.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := runCommand(ctx, args, environ, stdout, stderr)
	if err == nil {
		return 0
	}
	if failure := new(clientError); errors.As(err, failure) {
		failure.Print(stderr, failure.asJSON)
		return failure.Code
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "latchkey:", strings.TrimSuffix(line, "\n"))
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

// serveCommand is the command that must start quickly.
type serveCommand struct {
	Serve options `cmd:"" group:"Server:" help:"Run the server."`
}

func runCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	var commands struct {
		serveCommand
		Migrate options        `cmd:"" group:"Server:" help:"Bring the database schema up to date. Takes the options of serve, and uses --database-url."`
		Recover recoverOptions `cmd:"" group:"Server:" help:"Make another management credential and print it once, when none is left that works; or with --operator, a link to set a password. Takes the options of serve."`
		Keys    struct {
			cli.KeyCommands
			Reseal options `cmd:"" help:"Seal the signing keys anew under --master-key, those under --previous-master-key too. Servers that have both keep running."`
		} `cmd:"" group:"Server:" help:"Look after the signing keys: of a server as its client, list, rotate, revoke; at rest, reseal."`
		Config struct {
			Server options        `cmd:"" default:"withargs" help:"Print the effective configuration of serve, and where each value comes from. It is what latchkey config alone does."`
			View   cli.ConfigView `cmd:"" help:"Print the settings of the client commands, and where each value comes from."`
		} `cmd:"" group:"Server:" help:"Print the configuration of the server, or of the client commands: view."`
		Audit struct {
			Verify verifyOptions `cmd:"" help:"Verify the chain of audit events in the database. Takes the options of serve."`
		} `cmd:"" group:"Server:" help:"Look after the audit trail."`
		cli.Commands
		Version  struct{}  `cmd:"" group:"More:" help:"Print the version."`
		Help     helpTopic `cmd:"" group:"More:" help:"Print the help of a command, or what the exit codes mean: exit-codes."`
		Complete struct {
			Words []string `arg:"" optional:"" passthrough:""`
		} `cmd:"" name:"__complete" hidden:""`
	}
	var grammar any = &commands
	if len(args) > 0 && args[0] == "serve" {
		grammar = &commands.serveCommand // kong takes 25 ms for all the others, a third of what it takes to start.
	}
	settings := newSettings(environ)
	helped := false
	parser, err := kong.New(grammar,
		kong.Name("latchkey"),
		kong.Description("Latchkey is an OAuth 2 authorization server for programs, and the client of its REST API. The server's "+
			"options are taken from flags, then from the environment, then from the --config file."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }), // kong goes on parsing after it has printed the help.
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, Compact: true}),
		kong.ValueFormatter(settings.describe),
		kong.Resolvers(settings))
	if err != nil {
		return err
	}
	settings.learn(parser.Model.Node)
	addExamples(parser.Model.Node)
	parsed, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err := errors.Join(settings.failure, err); err != nil {
		return misused(err)
	}
	if err := settings.check(parsed); err != nil {
		return usageError{err}
	}
	switch parsed.Command() {
	case "serve":
		return serve(ctx, &commands.Serve, settings, stdout, stderr)
	case "migrate":
		return migrate(ctx, &commands.Migrate, stdout)
	case "recover":
		return recoverAccess(ctx, &commands.Recover, stdout)
	case "keys reseal":
		return resealKeys(ctx, &commands.Keys.Reseal, stdout)
	case "config server":
		return printConfig(&commands.Config.Server, settings, parsed, stdout)
	case "audit verify":
		return verifyAudit(ctx, &commands.Audit.Verify, stdout)
	case "version":
		return printVersion(stdout)
	case "help", "help <topic>":
		return printHelp(ctx, commands.Help.Topic, environ, stdout, stderr)
	case "__complete", "__complete <words>":
		cli.Complete(stdout, parser.Model, commands.Complete.Words)
		return nil
	default:
		return runClient(ctx, parsed, settings, stdout, stderr)
	}
}

// now is the clock of everything: UTC, in the whole microseconds that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
