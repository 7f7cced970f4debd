package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// consoleTests is where the console's tests in JavaScript are. They are run in a copy, so that what they install does
// not end up here; the pictures that they take do, and git ignores them.
const consoleTests = "testdata/console"

// TestConsole holds the console to its types, to openapi.yaml, and to its stories in a real browser.
func TestConsole(t *testing.T) {
	t.Parallel() // With the other long one, TestScripts.
	directory := t.TempDir()
	tests := filepath.Join(directory, "cmd/latchkey", consoleTests) // As deep as here, for the modules are named from there.
	modules := filepath.Join(directory, "admin/console/static")
	for to, from := range map[string]string{tests: consoleTests, modules: "../../admin/console/static"} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	pictures, err := filepath.Abs(filepath.Join(consoleTests, "screenshots"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := filepath.Abs("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	node := installConsoleTests(t, tests)
	run := func(t *testing.T, environ []string, arguments ...string) {
		command := exec.CommandContext(t.Context(), node, arguments...)
		command.Dir, command.Env = tests, append(os.Environ(), environ...)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(arguments, " "), err, output)
		}
		t.Logf("%s", output)
	}
	t.Run("types", func(t *testing.T) {
		run(t, nil, "node_modules/openapi-typescript/bin/cli.js", document, "-o", "schema.d.ts")
		run(t, nil, "node_modules/typescript/bin/tsc", "-p", ".")
	})
	t.Run("rules", func(t *testing.T) { run(t, nil, "--test", "rules.test.mjs") })
	t.Run("another provider", func(t *testing.T) {
		address := freeAddress(t)
		issuer := "http://" + address + "/under/a/path" // The console and its cookies work there as well.
		environ := append(startProvider(t, node, tests, issuer), "LATCHKEY_ISSUER="+issuer)
		startAt(t, address, identity{}, environ...)
		run(t, []string{"CONSOLE_ISSUER=" + issuer, "CONSOLE_SCREENSHOTS=" + pictures}, "--test", "oidc.test.mjs")
	})
	t.Run("first paint", func(t *testing.T) {
		first := startFull(t)
		run(t, []string{
			"CONSOLE_ISSUER=" + first.issuer, "CONSOLE_CLIENT_ID=" + first.id, "CONSOLE_CLIENT_SECRET=" + first.secret,
		}, "--test", "paint.test.mjs")
	})
	t.Run("stories", func(t *testing.T) {
		first := startWith(t, identity{}, "LATCHKEY_USAGE_INTERVAL=200ms")
		run(t, []string{
			"CONSOLE_ISSUER=" + first.issuer, "CONSOLE_CLIENT_ID=" + first.id, "CONSOLE_CLIENT_SECRET=" + first.secret,
			"CONSOLE_SCREENSHOTS=" + pictures,
		}, "--test", "stories.test.mjs")
	})
}

// startProvider starts a real OpenID Connect provider, and answers how the server is told of it. The server's own place
// must be known to the provider first.
func startProvider(t *testing.T, node, directory, issuer string) []string {
	address := freeAddress(t)
	const secret = "a secret of the provider and this server alone"
	command := exec.CommandContext(t.Context(), node, "provider.mjs")
	command.Dir, command.Stderr = directory, t.Output()
	command.Env = append(os.Environ(), "PROVIDER_ADDRESS="+address, "PROVIDER_SECRET="+secret, "PROVIDER_REDIRECT="+issuer+"/console/oidc/callback")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("the provider says %q: %v", line, err)
	}
	return []string{
		"LATCHKEY_OIDC_ISSUER=http://" + address, "LATCHKEY_OIDC_NAME=People", "LATCHKEY_OIDC_CLIENT_ID=latchkey",
		"LATCHKEY_OIDC_CLIENT_SECRET=" + secret, "LATCHKEY_OIDC_SCOPES=openid email profile groups",
		"LATCHKEY_OIDC_ROLE=groups:latchkey-admins=admin",
	}
}

// installConsoleTests installs what the lock file pins, and answers a Node.js to run it on.
func installConsoleTests(t *testing.T, directory string) string {
	node, err := nodeOnPath(t.Context())
	if err != nil {
		t.Fatalf("the console's tests need Node.js %d or newer: %v", minNode, err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = directory
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", install, err, output)
	}
	return node
}
