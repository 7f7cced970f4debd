package admin

import (
	"errors"
	"testing"
)

// FuzzCursor: only what was sealed for a list opens, and as it was; anything else is a bad cursor.
func FuzzCursor(f *testing.F) {
	type position struct{ Name string }
	key := CursorKey("0123456789abcdef0123456789abcdef")
	f.Add("a", key.seal("filters", position{"a"}))
	f.Add("b", key.seal("other filters", position{"b"}))
	f.Add("", "")
	f.Add("c", key.seal("filters", position{"c"})[1:])
	f.Fuzz(func(t *testing.T, name, cursor string) {
		var opened position
		switch err := key.open("filters", cursor, &opened); {
		case err != nil && !errors.Is(err, ErrBadCursor):
			t.Errorf("%q is refused by %v", cursor, err)
		case err == nil && cursor != key.seal("filters", opened):
			t.Errorf("%q opens as %q, which is sealed otherwise", cursor, opened.Name)
		}
		sealed := key.seal("filters", position{name})
		if err := key.open("filters", sealed, &opened); err != nil {
			t.Errorf("the cursor for %q does not open: %v", name, err)
		}
		if key.open("other filters", sealed, &opened) == nil {
			t.Errorf("the cursor for %q opens in another list", name)
		}
	})
}
