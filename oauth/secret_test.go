package oauth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestNewSecret(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	shape := regexp.MustCompile(`^lks_[0-9A-Za-z]{49}$`)
	seen := make(map[string]bool)
	for range 1000 {
		secret, text := NewSecret(now, "cid_a")
		revealed := text.Reveal()
		if !shape.MatchString(revealed) || seen[revealed] {
			t.Fatalf("%q has the wrong shape or came twice", revealed)
		}
		seen[revealed] = true
		body := revealed[:len(revealed)-secretChecksumChars]
		if checksum(body) != revealed[len(body):] {
			t.Fatalf("%q has the wrong checksum", revealed)
		}
		if secret.Hash != text.Hash() || !strings.HasSuffix(revealed, secret.Hint) || len(secret.Hint) != 4 {
			t.Fatalf("%+v does not belong to %q", secret, revealed)
		}
	}
}

func TestPlaintextNeverPrints(t *testing.T) {
	text := NewPlaintext("hunter2")
	inJSON, err := json.Marshal(map[string]any{"secret": text, "in": struct{ Secret Plaintext }{text}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", text, "proof", Proof{Secret: text})
	printed := fmt.Sprintf("%v %s %+v %#v %q %s %s", text, text, &text, text, text, inJSON, log.String())
	if strings.Contains(printed, "hunter2") {
		t.Error(printed)
	}
}

func TestSecretUsable(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Microsecond), now.Add(time.Microsecond)
	for name, test := range map[string]struct {
		secret Secret
		want   bool
	}{
		"for ever":         {Secret{}, true},
		"not yet expired":  {Secret{ExpiresAt: after}, true},
		"expiring now":     {Secret{ExpiresAt: now}, false},
		"rotating":         {Secret{StopsAt: after}, true},
		"rotated away":     {Secret{StopsAt: before}, false},
		"stopped":          {Secret{StoppedAt: before}, false},
		"stopped, no date": {Secret{StoppedAt: now, ExpiresAt: after}, false},
	} {
		if got := test.secret.Usable(now); got != test.want {
			t.Errorf("%s: usable = %v", name, got)
		}
	}
}

func TestClientMatchesOnlyUsableSecrets(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	current, currentText := NewSecret(now, "")
	previous, previousText := NewSecret(now, "")
	stopped, stoppedText := NewSecret(now, "")
	previous.StopsAt = now.Add(time.Hour)
	stopped.StoppedAt = now
	client := &Client{Secrets: []Secret{current, previous, stopped}}

	for text, want := range map[Plaintext]string{
		currentText: current.ID, previousText: previous.ID, stoppedText: "", NewPlaintext(""): "",
	} {
		match := client.MatchingSecret(text, now)
		if (match == nil) != (want == "") || match != nil && match.ID != want {
			t.Errorf("a secret matched %v, want %q", match, want)
		}
	}
}
