package oauth

import (
	"errors"
	"slices"
	"testing"
)

func TestParseScope(t *testing.T) {
	for _, test := range []struct {
		text string
		want Scope
		bad  bool
	}{
		{text: "", want: nil},
		{text: "profile:read", want: Scope{"profile:read"}},
		{text: "b a b", want: Scope{"b", "a"}},
		{text: "!#[]~", want: Scope{"!#[]~"}},
		{text: " a", bad: true},
		{text: "a ", bad: true},
		{text: "a  b", bad: true},
		{text: "a\tb", bad: true},
		{text: `a"b`, bad: true},
		{text: `a\b`, bad: true},
		{text: "é", bad: true},
		{text: "a\x00", bad: true},
	} {
		scope, err := ParseScope(test.text)
		var refusal *Error
		switch {
		case test.bad && (!errors.As(err, &refusal) || refusal.Code != InvalidScope):
			t.Errorf("ParseScope(%q) = %v, %v; want invalid_scope", test.text, scope, err)
		case !test.bad && (err != nil || !slices.Equal(scope, test.want)):
			t.Errorf("ParseScope(%q) = %v, %v; want %v", test.text, scope, err, test.want)
		}
	}
}

// FuzzParseScope: what parses, prints as something that parses to the same.
func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"", "a", "a b", "a a", "profile:read data-plans:write", " ", "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		scope, err := ParseScope(text)
		if err != nil {
			return
		}
		again, err := ParseScope(scope.String())
		if err != nil || !slices.Equal(scope, again) {
			t.Errorf("%q parsed to %q, which parsed to %q, %v", text, scope, again, err)
		}
	})
}
