package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// minNode is the oldest Node.js that the libraries in testdata/clients run on.
const minNode = 20

// script is a program that does with libraries of its language what it is asked.
type script struct {
	requests  *json.Encoder
	responses *json.Decoder
}

// startScript starts the script in a directory.
func startScript(t *testing.T, directory, program, name string) *script {
	t.Helper()
	process := exec.Command(program, name)
	process.Dir = directory
	process.Stderr = t.Output()
	stdin, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The end of its input is the end of the script.
		if err := errors.Join(stdin.Close(), process.Wait()); err != nil {
			t.Errorf("%s: %v", process, err)
		}
	})
	return &script{json.NewEncoder(stdin), json.NewDecoder(stdout)}
}

// npmLibraries is testdata/clients/clients.mjs at work, with the libraries that its lock file pins.
type npmLibraries struct{ *script }

// startNPM installs the libraries in a place of their own and starts the script that uses them.
func startNPM(t *testing.T) *npmLibraries {
	directory, node := installNPM(t)
	return &npmLibraries{startScript(t, directory, node, "clients.mjs")}
}

// installNPM answers where the libraries are, and a Node.js that they run on.
func installNPM(t *testing.T) (directory, node string) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Fatalf("the JavaScript clients need npm: install Node.js %d or newer, with npm", minNode)
	}
	directory = t.TempDir()
	if err := os.CopyFS(directory, os.DirFS("testdata/clients")); err != nil {
		t.Fatal(err)
	}
	// The optional dependencies are a Node.js, for machines whose own is too old for the libraries.
	arguments := []string{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}
	node, tooOld := nodeOnPath(t.Context())
	if tooOld == nil {
		arguments = append(arguments, "--omit=optional")
	}
	install := exec.CommandContext(t.Context(), npm, arguments...)
	install.Dir = directory
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", install, err, output)
	}
	if tooOld != nil {
		// Not by node_modules/.bin, which npm 9 leaves empty.
		installed, _ := filepath.Glob(filepath.Join(directory, "node_modules", "node-*", "bin", "node"))
		if len(installed) == 0 {
			t.Fatalf("the JavaScript clients need Node.js %d or newer: install it, for npm has none for this machine and %v", minNode, tooOld)
		}
		node = installed[0]
		t.Logf("using npm's Node.js, for %v", tooOld)
	}
	return directory, node
}

// nodeOnPath answers the path of the machine's own Node.js, if the libraries run on it.
func nodeOnPath(ctx context.Context) (string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", err
	}
	version, err := exec.CommandContext(ctx, node, "--version").Output() // v20.1.2
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", node, err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if number, err := strconv.Atoi(major); err != nil || number < minNode {
		return "", fmt.Errorf("%s is %s, older than %d", node, bytes.TrimSpace(version), minNode)
	}
	return node, nil
}

// answer is what the script answers.
type answer struct {
	Token   string         `json:"token"`
	Claims  *bearer.Claims `json:"claims"`
	Refused *refusal       `json:"refused"`
	Error   string         `json:"error"`
}

// ask hands the script a request, through a pipe because a secret does not belong in a process's arguments.
func (s *script) ask(request map[string]any) (answer, error) {
	var answered answer
	if err := s.requests.Encode(request); err != nil {
		return answer{}, err
	}
	if err := s.responses.Decode(&answered); err != nil {
		return answer{}, err
	}
	switch {
	case answered.Refused != nil:
		return answer{}, answered.Refused
	case answered.Error != "":
		return answer{}, errors.New(answered.Error)
	default:
		return answered, nil
	}
}

// clients are the JavaScript libraries, each in both ways to send a secret.
func (n *npmLibraries) clients() []client {
	var clients []client
	for _, library := range []string{"oauth4webapi", "openid-client"} {
		for _, method := range []string{"ClientSecretBasic", "ClientSecretPost"} {
			clients = append(clients, client{library + " " + method, func(_ context.Context, who identity) (string, error) {
				answered, err := n.ask(map[string]any{
					"library": library, "method": method,
					"issuer": who.issuer, "client_id": who.id, "client_secret": who.secret,
				})
				return answered.Token, err
			}})
		}
	}
	return clients
}

// verifier is jose, as a resource server uses it.
func (n *npmLibraries) verifier() verifier {
	return verifier{"jose", func(_ context.Context, issuer, audience, token string) (*bearer.Claims, error) {
		answered, err := n.ask(map[string]any{
			"library": "jose",
			"issuer":  issuer, "jwks_uri": issuer + oauth.JWKSPath, "audience": audience, "token": token,
		})
		return answered.Claims, err
	}}
}
