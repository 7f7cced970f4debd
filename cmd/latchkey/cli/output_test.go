package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/mattn/go-runewidth"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain":            "plain",
		"Zürich 東京":        "Zürich 東京",
		"two\nlines\there": "two lines here",
		"\x1b[31mred":      "�[31mred",
		"\u009b31mred":     "�31mred",
		"bidi\u202etxt":    "bidi�txt",
		"broken\xff":       "broken�",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q; want %q", text, got, want)
		}
	}
}

// TestEscapeJSON holds that what is written for a terminal means the same, and cannot act on it.
func TestEscapeJSON(t *testing.T) {
	for _, value := range []string{"plain", "a\u009bb", "\u202e", "\x7f", "tag \U000e0041 there", "\x1b[2J"} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeJSON(string(text))
		if strings.ContainsFunc(escaped, unsafe) {
			t.Errorf("%q is written as %q", value, escaped)
		}
		var back string
		if err := json.Unmarshal([]byte(escaped), &back); err != nil || back != value {
			t.Errorf("%q comes back as %q: %v", value, back, err)
		}
	}
}

func TestTableFitsTerminal(t *testing.T) {
	rows := func() table {
		return table{{"ID", "NAME"}, {"cid_1", strings.Repeat("東京", 40)}, {"cid_2", "\x1b]0;title\a"}}
	}
	if got := rows().text(0); !strings.Contains(got, strings.Repeat("東京", 40)) {
		t.Errorf("without a terminal something is cut:\n%s", got)
	}
	for _, width := range []int{20, 40, 80} {
		for line := range strings.Lines(rows().text(width)) {
			if got := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("a line is %d wide on %d columns: %q", got, width, line)
			}
		}
	}
	rows().text(1)
	table{}.text(1)
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"1y": "2027-01-31T12:00:00Z", "90d": "2026-05-01T12:00:00Z", "2w": "2026-02-14T12:00:00Z", "36h": "2026-02-02T00:00:00Z",
		"2030-12-31": "2030-12-31T00:00:00Z", "2030-12-31T01:00:00+01:00": "2030-12-31T00:00:00Z",
		"": "", "1": "", "y": "", "-1d": "", "0d": "", "99999999d": "", "-2h": "", "soon": "",
	} {
		got, err := expiry(text, now)
		if want == "" {
			if err == nil {
				t.Errorf("%q is %s", text, got)
			}
			continue
		}
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{"fraud": "fraud", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		if got := quote(text); got != want {
			t.Errorf("%q is quoted as %s; want %s", text, got, want)
		}
	}
}
