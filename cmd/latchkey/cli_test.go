package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/cli"
)

// TestCommandsExplainThemselves holds that each client command has a line of help and an example that it accepts, and
// that there is no example of a command that is gone.
func TestCommandsExplainThemselves(t *testing.T) {
	var commands struct {
		cli.Commands
		Config struct {
			View cli.ConfigView `cmd:"" help:"Print the settings."`
		} `cmd:""`
		Keys struct{ cli.KeyCommands } `cmd:""`
	}
	parser, err := kong.New(&commands)
	if err != nil {
		t.Fatal(err)
	}
	examples := cli.Examples()
	for _, leaf := range parser.Model.Leaves(false) {
		example, found := examples[leaf.Path()]
		if !found || leaf.Help == "" {
			t.Errorf("%s has no example, or no help", leaf.Path())
		}
		_, line, _ := strings.Cut(example, "latchkey ")
		line, _, _ = strings.Cut(line, " >")
		line, _, _ = strings.Cut(line, ")")
		if _, err := parser.Parse(words(line)); err != nil {
			t.Errorf("%s: its example is refused: %v", leaf.Path(), err)
		}
		delete(examples, leaf.Path())
	}
	for path := range examples {
		t.Errorf("there is no command %s for its example", path)
	}
}

// words parts a line as a shell does that knows single quotes alone.
func words(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

func TestHelpGroupsCommands(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("the exit code is %d: %s", code, &stderr)
	}
	server, client, _ := strings.Cut(stdout.String(), "Client of a server:")
	if !strings.Contains(server, "Server:\n  serve") || !strings.Contains(client, "credentials <command>") && !strings.Contains(client, "\n  credentials ") {
		t.Errorf("the commands are in no groups:\n%s", &stdout)
	}
	if strings.Contains(stdout.String(), "__complete") {
		t.Error("what only shells call is shown")
	}
}

// TestInterrupted holds that who interrupts a command is told so, by a code of its own.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	environ := []string{"LATCHKEY_CLIENT_SECRET=secret"}
	code := run(ctx, []string{"whoami", "--issuer=http://127.0.0.1:1", "--client-id=id"}, environ, &stdout, &stderr)
	if code != cli.ExitInterrupted || stderr.String() != "error: interrupted\n" {
		t.Errorf("the exit code is %d: %s", code, &stderr)
	}
}
