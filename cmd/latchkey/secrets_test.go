package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// onBothDatabases runs a test against the program on each database.
func onBothDatabases(t *testing.T, test func(t *testing.T, p *program, l *lever)) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db") },
		"PostgreSQL": func(t *testing.T) string { return sharedPostgres.NewDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			p := startProgram(t, database(t))
			test(t, p, newLever(t, p.identity))
		})
	}
}

// reply is what a call was answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// call sends a request of the management API.
func (l *lever) call(t *testing.T, method, path, body string, header ...string) reply {
	request, err := http.NewRequestWithContext(t.Context(), method, l.issuer+"/admin/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return reply{}
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := l.http.Do(request)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// shownSecret is a secret as the API shows it, with its text in the one answer that has it.
type shownSecret struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Text   string `json:"client_secret"`
}

func (l *lever) secrets(t *testing.T, id string) []shownSecret {
	t.Helper()
	var list struct {
		Data []shownSecret `json:"data"`
	}
	parse(t, l.call(t, "GET", "credentials/"+id+"/secrets", ""), http.StatusOK, &list)
	return list.Data
}

func parse(t *testing.T, reply reply, status int, into any) {
	t.Helper()
	if reply.status != status {
		t.Fatalf("answered %d: %s", reply.status, reply.body)
	}
	if err := json.Unmarshal([]byte(reply.body), into); err != nil {
		t.Fatal(err)
	}
}

// atOnce lets n callers call at the same time.
func atOnce(n int, call func(i int) reply) []reply {
	replies := make([]reply, n)
	start := make(chan struct{})
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			<-start
			replies[i] = call(i)
		})
	}
	close(start)
	wait.Wait()
	return replies
}

// TestRotationsAtOnce: of fifty who rotate at once, each has a secret that works, or was refused.
func TestRotationsAtOnce(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *program, l *lever) {
		for round := range 3 {
			id, err := l.create(fmt.Sprint("round ", round))
			if err != nil {
				t.Fatal(err)
			}
			var done []shownSecret
			for _, reply := range atOnce(50, func(i int) reply {
				if i%2 == 0 {
					return l.call(t, "POST", "credentials/"+id+"/secrets", `{"overlap": 3600}`, "If-Match", `"1"`)
				}
				return l.call(t, "POST", "credentials/"+id+"/secrets", `{}`)
			}) {
				switch reply.status {
				case http.StatusCreated:
					var made shownSecret
					parse(t, reply, http.StatusCreated, &made)
					done = append(done, made)
				case http.StatusConflict, http.StatusPreconditionFailed:
				default:
					t.Errorf("a rotation answered %d: %s", reply.status, reply.body)
				}
			}
			if len(done) != 1 {
				t.Errorf("%d of 50 rotated", len(done))
			}
			for _, made := range done {
				if status, body, err := askToken(t.Context(), p.issuer, id, made.Text); status != http.StatusOK {
					t.Errorf("a secret that was returned does not work: %d, %s, %v", status, body, err)
				}
			}
		}
	})
}

// TestSecretsUnderStorm rotates, moves and ends the secrets of one credential at random, by fifty callers at once. After
// each storm, what is said of the secrets is true of every one that was ever returned; one or two are usable.
func TestSecretsUnderStorm(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *program, l *lever) {
		id, err := l.create("worker")
		if err != nil {
			t.Fatal(err)
		}
		texts := make(map[string]string)
		seen := make(map[int]int)
		for range 5 {
			known := l.secrets(t, id)
			for _, reply := range atOnce(50, func(int) reply { return stir(t, l, id, known) }) {
				seen[reply.status]++
				switch reply.status {
				case http.StatusCreated:
					var made shownSecret
					parse(t, reply, http.StatusCreated, &made)
					texts[made.ID] = made.Text
				case http.StatusOK, http.StatusNoContent, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed:
				default:
					t.Errorf("answered %d: %s", reply.status, reply.body)
				}
			}
			usable := make(map[string]bool)
			for _, secret := range l.secrets(t, id) {
				if secret.Status == "current" || secret.Status == "previous" {
					usable[secret.ID] = true
				}
			}
			if n := len(usable); n < 1 || n > 2 {
				t.Errorf("%d secrets are usable", n)
			}
			for secretID, text := range texts {
				want := http.StatusUnauthorized
				if usable[secretID] {
					want = http.StatusOK
				}
				if status, body, err := askToken(t.Context(), p.issuer, id, text); status != want {
					t.Errorf("a token for a secret that is usable: %v: %d, %s, %v", usable[secretID], status, body, err)
				}
			}
		}
		t.Logf("answers by status: %v", seen)
		if seen[http.StatusCreated] < 2 || seen[http.StatusNoContent] == 0 || seen[http.StatusConflict] == 0 {
			t.Error("the storm has not stirred everything")
		}
	})
}

// stir does one thing at random to the secrets of a credential.
func stir(t *testing.T, l *lever, id string, known []shownSecret) reply {
	path := "credentials/" + id + "/secrets"
	one := path + "/" + known[rand.IntN(min(3, len(known)))].ID
	switch rand.IntN(4) {
	case 0:
		return l.call(t, "POST", path, fmt.Sprintf(`{"overlap": %d}`, rand.IntN(2)*3600))
	case 1:
		stopsAt := time.Now().Add(time.Duration(rand.IntN(3)-1) * time.Hour)
		return l.call(t, "PATCH", one, `{"stops_at": "`+stopsAt.Format(time.RFC3339)+`"}`)
	case 2:
		return l.call(t, "DELETE", one, "", "If-Match", "*")
	default:
		return l.call(t, "DELETE", one, "")
	}
}

// TestRepeatedAtOnce: of fifty who send the same request with the same key at once, one makes a credential, and all
// get to see that one.
func TestRepeatedAtOnce(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, p *program, l *lever) {
		const body = `{"name": "Once", "grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`
		create := func(int) reply {
			return l.call(t, "POST", "credentials", body, "Idempotency-Key", "b0c1d2e3-f405-4617-8829-3a4b5c6d7e8f")
		}
		replies := append(atOnce(50, create), create(0))
		last := replies[50]
		var made struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		parse(t, last, http.StatusCreated, &made)
		running := 0
		for _, reply := range replies {
			switch {
			case reply.status == http.StatusConflict && strings.Contains(reply.body, "/problems/still-running"):
				running++
			case reply.status != http.StatusCreated || reply.body != last.body || reply.header.Get("ETag") != last.header.Get("ETag") ||
				reply.header.Get("Location") != last.header.Get("Location") || reply.header.Get("Cache-Control") != "no-store":
				t.Errorf("answered %d, %v: %s", reply.status, reply.header, reply.body)
			}
		}
		t.Logf("%d of 51 came while the first was worked on", running)
		if last.header.Get("Idempotent-Replayed") != "true" {
			t.Error("the last answer does not say that it is repeated")
		}
		if status, text, err := askToken(t.Context(), p.issuer, made.ID, made.Secret); status != http.StatusOK {
			t.Errorf("the secret does not work: %d, %s, %v", status, text, err)
		}
		if n := len(l.collect(t, "/admin/v1/credentials", func(row map[string]any) string {
			if row["name"] != "Once" {
				return ""
			}
			return row["client_id"].(string)
		})); n != 1 {
			t.Errorf("%d credentials were made", n)
		}
	})
}
