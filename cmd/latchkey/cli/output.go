package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"
	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// list is the output of what has names.
type list struct {
	Output string `short:"o" enum:"table,json,yaml,name" default:"table" help:"How to print it: table, json (as the server answers it), yaml or name."`
}

// wide is the output of what has more columns than most people want.
type wide struct {
	Output string `short:"o" enum:"table,wide,json,yaml,name" default:"table" help:"How to print it: table, wide (a table of more columns), json (as the server answers it), yaml or name."`
}

// made is the output of what may hold a new secret.
type made struct {
	Output     string `short:"o" enum:"table,json,yaml,name,env" default:"table" help:"How to print it: table, json (as the server answers it), yaml, name or env (lines of NAME=value, with the secret)."`
	SecretFile string `placeholder:"FILE" type:"path" help:"Write the secret into this new file, that only you can read, and nowhere else."`
}

// report is the output of what has no names.
type report struct {
	Output string `short:"o" enum:"table,json,yaml" default:"table" help:"How to print it: table, json (as the server answers it) or yaml."`
}

// view is a result in each way in which it can be shown.
type view struct {
	body  []byte // As the server answered it.
	value any    // In place of body, where no server did.
	uncut string // Comes before the table, and is whole on the narrowest terminal.
	table table
	names []string
	env   [][2]string
}

// show prints a result on standard output.
func (s *Session) show(format string, v view) error {
	text, err := v.text(format)
	if err != nil {
		return err
	}
	descriptor, isTerminal := terminal(s.Stdout)
	switch {
	case format == "table":
		width := 0
		if isTerminal {
			width, _, _ = term.GetSize(descriptor)
		}
		text = cleanLines(v.uncut) + v.table.text(width)
	case isTerminal && format == "json":
		text = escapeJSON(text)
	case isTerminal:
		text = cleanLines(text)
	}
	_, err = io.WriteString(s.Stdout, text)
	return err
}

func (v view) text(format string) (string, error) {
	switch format {
	case "name":
		return lines(v.names), nil
	case "env":
		text := strings.Builder{}
		for _, variable := range v.env {
			fmt.Fprintf(&text, "%s=%s\n", variable[0], quote(variable[1])) // Whatever the server says is no command to a shell.
		}
		return text.String(), nil
	case "json", "yaml":
		body := v.body
		if body == nil {
			var err error
			if body, err = json.Marshal(v.value); err != nil {
				return "", err
			}
		}
		if format == "json" {
			return string(body) + "\n", nil
		}
		body, err := yaml.JSONToYAML(body)
		return string(body), err
	}
	return "", nil
}

func lines(names []string) string {
	text := strings.Builder{}
	for _, name := range names {
		text.WriteString(clean(name) + "\n")
	}
	return text.String()
}

// table is rows of cells.
type table [][]string

const (
	gap          = 2 // Spaces between columns.
	narrowColumn = 8 // What a column keeps on the narrowest terminal.
)

// text lays the rows out in columns. On a terminal of so many columns, not 0, wide cells are cut.
func (t table) text(width int) string {
	var widths []int
	for _, row := range t {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			row[i] = clean(cell)
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	if width > 0 {
		narrow(widths, width)
	}
	text := strings.Builder{}
	for _, row := range t {
		line := strings.Builder{}
		for i, cell := range row {
			if width > 0 {
				cell = runewidth.Truncate(cell, widths[i], "…")
			}
			line.WriteString(runewidth.FillRight(cell, widths[i]+gap))
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return text.String()
}

// narrow takes from the widest column until the row fits.
func narrow(widths []int, width int) {
	for {
		total, widest := -gap, 0
		for i, w := range widths {
			total += w + gap
			if w > widths[widest] {
				widest = i
			}
		}
		if total <= width || len(widths) == 0 || widths[widest] <= narrowColumn {
			return
		}
		widths[widest]--
	}
}

// unsafe reports whether a character could act on a terminal, or turn the text around it.
func unsafe(char rune) bool { return unicode.IsControl(char) || unicode.Is(unicode.Cf, char) }

// clean makes a text fit to be a part of a line on a terminal: what could act on it becomes a replacement character.
func clean(text string) string {
	return strings.Map(func(char rune) rune {
		switch {
		case char == '\n' || char == '\t':
			return ' '
		case unsafe(char):
			return unicode.ReplacementChar
		default:
			return char
		}
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
}

// cleanLines cleans a text of several lines.
func cleanLines(text string) string {
	if text == "" {
		return ""
	}
	text = strings.TrimSuffix(text, "\n")
	cleaned := strings.Split(text, "\n")
	for i, line := range cleaned {
		cleaned[i] = clean(line)
	}
	return strings.Join(cleaned, "\n") + "\n"
}

// escapeJSON writes a JSON text so that it can be shown on a terminal and still means the same. What could act on the
// terminal is within strings alone, where it can be escaped.
func escapeJSON(text string) string {
	escaped := strings.Builder{}
	for _, char := range strings.ToValidUTF8(text, string(unicode.ReplacementChar)) {
		switch {
		case char == '\n' || char == '\t' || !unsafe(char):
			escaped.WriteRune(char)
		case char > 0xffff:
			char -= 0x10000
			fmt.Fprintf(&escaped, `\u%04x\u%04x`, 0xd800+char>>10, 0xdc00+char&0x3ff)
		default:
			fmt.Fprintf(&escaped, `\u%04x`, char)
		}
	}
	return escaped.String()
}
