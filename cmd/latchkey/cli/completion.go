package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Completion is the command that prints what a shell needs to complete our words. The libraries for that have
// not been kept for years; what they do is small: the shell asks `latchkey __complete WORD...` what may come next.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run implements the command.
func (c *Completion) Run(s *Session) error {
	_, err := io.WriteString(s.Stdout, map[string]string{
		"bash": `_latchkey() {
  local IFS=$'\n'
  COMPREPLY=($(latchkey __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _latchkey latchkey
`,
		"zsh": `#compdef latchkey
_latchkey() {
  local -a found
  found=("${(@f)$(latchkey __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( ${#found} && ${#found[1]} )); then compadd -- $found; else _files; fi
}
compdef _latchkey latchkey
`,
		"fish": `function __latchkey
  set -l words (commandline -opc) (commandline -ct)
  latchkey __complete -- $words[2..-1] 2>/dev/null
end
complete -c latchkey -a '(__latchkey)'
`,
	}[c.Shell])
	return err
}

// Complete prints what the last word may become, after the words before it; nothing where only the user knows.
func Complete(stdout io.Writer, model *kong.Application, words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	node, before, last := model.Node, words[:len(words)-1], words[len(words)-1]
	for _, word := range before {
		for _, child := range node.Children {
			if child.Name == word {
				node = child
			}
		}
	}
	for _, candidate := range candidates(node, before, last) {
		if strings.HasPrefix(candidate, last) {
			fmt.Fprintln(stdout, candidate)
		}
	}
}

// candidates are the words that fit: the values of an option that has a list of them, the names of options, or
// the commands below.
func candidates(node *kong.Node, before []string, last string) []string {
	var flags []*kong.Flag
	for _, level := range node.AllFlags(true) {
		flags = append(flags, level...)
	}
	if len(before) > 0 {
		previous := before[len(before)-1]
		for _, flag := range flags {
			if (previous == "--"+flag.Name || flag.Short != 0 && previous == "-"+string(flag.Short)) && !flag.IsBool() {
				return choices(flag.Value)
			}
		}
	}
	if strings.HasPrefix(last, "-") {
		names := make([]string, len(flags))
		for i, flag := range flags {
			names[i] = "--" + flag.Name
		}
		return names
	}
	var words []string
	for _, child := range node.Children {
		if !child.Hidden {
			words = append(words, child.Name)
		}
	}
	for _, positional := range node.Positional {
		words = append(words, choices(positional)...)
	}
	return words
}

func choices(value *kong.Value) []string {
	if value.Enum == "" {
		return nil
	}
	return slices.Sorted(slices.Values(value.EnumSlice()))
}
