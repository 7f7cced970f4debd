package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

const readmeFile = "../../README.md"

var update = flag.Bool("update", false, "write what is generated into the README")

// TestReadmeSession types the README's terminal session, as it is printed, into a shell. Only what cannot be the same
// is replaced: the start of the program, its port, and the credential that it makes up.
func TestReadmeSession(t *testing.T) {
	first := startWith(t, identity{})
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(blocks) < 3 || !strings.Contains(blocks[0][1], "make run") || !strings.HasPrefix(blocks[1][1], "ID=") {
		t.Fatal("the README's session does not begin with make run and the first credential")
	}
	script := strings.Builder{}
	fmt.Fprintf(&script, "set -eu\nID=%s SECRET=%s\n", first.id, first.secret)
	for _, block := range blocks[2:] {
		script.WriteString(strings.ReplaceAll(block[1], "http://localhost:8080", first.issuer))
		script.WriteString("\necho\n")
	}
	shell := exec.Command("sh", "-c", script.String())
	shell.Dir = t.TempDir()
	output, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	// One line of each step's answer, in the order of the steps.
	rest := string(output)
	for _, want := range []string{
		`"client_secret":"lks_`,                    // A credential.
		`"scope":"profile:read"`,                   // A token for it.
		`scope: 'profile:read'`,                    // What jose has verified.
		`"status":"inactive"`,                      // Switched off.
		`{"error":"invalid_client","error_descrip`, // And refused.
		`may             Read profiles in EU Prod`, // A credential made at the command line.
		`claims  client_id `,                       // What a token says.
		`tokens end by`,                            // Switched off.
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%s is missing, or not in its place, in\n%s", want, output)
		}
		rest = after
	}
}

// TestReadmeConfiguration holds the README's table of options against the options.
func TestReadmeConfiguration(t *testing.T) {
	const begin, end = "<!-- configuration -->\n", "<!-- /configuration -->"
	text := readme(t)
	before, rest, foundBegin := strings.Cut(text, begin)
	table, after, foundEnd := strings.Cut(rest, end)
	if !foundBegin || !foundEnd {
		t.Fatal("the README has no place for the table")
	}
	want := configurationTable(t)
	if table == want {
		return
	}
	if !*update {
		t.Fatal("the README's table of options is not up to date: go test ./cmd/latchkey -run TestReadmeConfiguration -update")
	}
	if err := os.WriteFile(readmeFile, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func configurationTable(t *testing.T) string {
	var commands struct {
		Serve options `cmd:""`
	}
	parser, err := kong.New(&commands)
	if err != nil {
		t.Fatal(err)
	}
	table := strings.Builder{}
	table.WriteString("| flag | environment | default | |\n|---|---|---|---|\n")
	for _, option := range parser.Model.Children[0].Flags {
		fallback := ""
		if option.Default != "" && option.Target.Kind() != reflect.Bool || option.Default == "true" {
			fallback = "`" + option.Default + "`"
		}
		fmt.Fprintf(&table, "| `--%s` | `%s` | %s | %s |\n", option.Name, variable(option.Name), fallback, option.Help)
	}
	return table.String()
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
