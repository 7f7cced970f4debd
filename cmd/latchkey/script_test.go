package main

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the stories in testdata/script on both databases, each with a server of its own on a free port:
// $ADDR, $URL. A line that begins with [sqlite] or [postgres] is for that database alone.
func TestScripts(t *testing.T) {
	t.Parallel() // With the other long one, TestConsole.
	t.Run("sqlite", func(t *testing.T) {
		runScripts(t, "sqlite", func(*testscript.Env) {})
	})
	t.Run("postgres", func(t *testing.T) {
		runScripts(t, "postgres", func(env *testscript.Env) {
			env.Setenv("LATCHKEY_DATABASE_URL", sharedPostgres.NewDatabase(t))
			env.Setenv("LATCHKEY_MASTER_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
		})
	})
}

func runScripts(t *testing.T, database string, setup func(*testscript.Env)) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			_, port, _ := net.SplitHostPort(listener.Addr().String())
			env.Setenv("ADDR", "127.0.0.1:"+port)
			env.Setenv("URL", "http://localhost:"+port)
			env.Setenv("LATCHKEY_ADDR", "127.0.0.1:"+port)
			env.Setenv("LATCHKEY_METRICS_ADDR", "off")
			setup(env)
			return listener.Close()
		},
		Condition: func(name string) (bool, error) {
			if name != "sqlite" && name != "postgres" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return name == database, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":   waitUntilReady,
			"request": request,
			"capture": capture,
			"poll":    poll,
			"signin":  signIn,
			"stored":  stored,
			"tamper":  tamper,
		},
	})
}

// waitUntilReady waits for a server: ready URL.
func waitUntilReady(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if response, err := http.Get(args[0] + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	ts.Fatalf("%s does not become ready", args[0])
}

// request sends a request and prints the answer's body: request [-H 'NAME: VALUE']... STATUS METHOD URL AUTHORIZATION
// [BODY], where the authorization is id:secret, a bearer token, cookie=SESSION or -.
func request(ts *testscript.TestScript, neg bool, args []string) {
	header := make(http.Header)
	for len(args) > 1 && args[0] == "-H" {
		name, value, _ := strings.Cut(args[1], ": ")
		header.Add(name, value)
		args = args[2:]
	}
	if neg || len(args) < 4 {
		ts.Fatalf("usage: request [-H 'NAME: VALUE']... STATUS METHOD URL AUTHORIZATION [BODY]")
	}
	body := strings.Join(args[4:], "")
	sent, err := http.NewRequest(args[1], args[2], strings.NewReader(body))
	ts.Check(err)
	sent.Header = header
	id, secret, basic := strings.Cut(args[3], ":")
	session, cookie := strings.CutPrefix(args[3], "cookie=")
	switch {
	case basic:
		sent.SetBasicAuth(id, secret)
	case cookie:
		sent.AddCookie(&http.Cookie{Name: "latchkey", Value: session})
	case args[3] != "-":
		sent.Header.Set("Authorization", "Bearer "+args[3])
	}
	sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		sent.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(sent)
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Stdout().Write(text)
	if strconv.Itoa(response.StatusCode) != args[0] {
		ts.Fatalf("%s %s answered %s: %s", args[1], args[2], response.Status, text)
	}
}

// poll gets a URL until the answer matches, and prints it: poll PATTERN URL TOKEN.
func poll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: poll PATTERN URL TOKEN")
	}
	pattern, body := regexp.MustCompile(args[0]), ""
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		asked, err := http.NewRequest(http.MethodGet, args[1], nil)
		ts.Check(err)
		asked.Header.Set("Authorization", "Bearer "+args[2])
		response, err := http.DefaultClient.Do(asked)
		ts.Check(err)
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		ts.Check(err)
		if body = string(text); pattern.MatchString(body) {
			ts.Stdout().Write(text)
			return
		}
	}
	ts.Fatalf("%s never matched %s: %s", args[1], args[0], body)
}

// capture puts what the groups of a pattern match in a file, or in stdout, into variables: capture FILE PATTERN VAR...
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: capture FILE PATTERN VAR...")
	}
	match := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(args[0]))
	if match == nil {
		ts.Fatalf("%s does not match %s", args[0], args[1])
	}
	for i, name := range args[2:] {
		ts.Setenv(name, match[i+1])
	}
}

// signIn begins a session and puts it into a variable: signin URL EMAIL PASSWORD VAR.
func signIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: signin URL EMAIL PASSWORD VAR")
	}
	body, err := json.Marshal(map[string]string{"email": args[1], "password": args[2]})
	ts.Check(err)
	response, err := http.Post(args[0]+"/admin/v1/session", "application/json", bytes.NewReader(body))
	ts.Check(err)
	response.Body.Close()
	for _, cookie := range response.Cookies() {
		ts.Setenv(args[3], cookie.Value)
		return
	}
	ts.Fatalf("signing %s in was answered %s", args[1], response.Status)
}

// tamper copies an SQLite database that nobody has open, and changes the copy: tamper FILE SQL COPY.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: tamper FILE SQL COPY")
	}
	original, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), original, 0o600))
	db, err := sql.Open("sqlite", ts.MkAbs(args[2]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// stored tells whether the server's database holds a text anywhere: stored TEXT.
func stored(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: stored TEXT")
	}
	var whole []byte
	if address := ts.Getenv("LATCHKEY_DATABASE_URL"); address != "" {
		whole = dump(ts, address)
	} else {
		files, _ := filepath.Glob(ts.MkAbs("data/latchkey.db*"))
		for _, file := range files {
			content, err := os.ReadFile(file)
			ts.Check(err)
			whole = append(whole, content...)
		}
	}
	if len(whole) == 0 {
		ts.Fatalf("the database is empty")
	}
	found := bytes.Contains(whole, []byte(args[0])) || bytes.Contains(whole, []byte(hex.EncodeToString([]byte(args[0]))))
	if found == neg {
		ts.Fatalf("%q is in the database: %t", args[0], neg)
	}
}

// dump answers all rows of a PostgreSQL database; bytes are in hexadecimal digits.
func dump(ts *testscript.TestScript, address string) (whole []byte) {
	db, err := sql.Open("postgres", address)
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query(`SELECT query_to_xml(format('SELECT t::text FROM %I t', tablename), true, true, '')::text
		FROM pg_tables WHERE schemaname = current_schema()`)
	ts.Check(err)
	defer rows.Close()
	for rows.Next() {
		var table []byte
		ts.Check(rows.Scan(&table))
		whole = append(whole, table...)
	}
	ts.Check(rows.Err())
	return whole
}
