package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// The number of rows on a page: when nothing is said, and at most.
const (
	DefaultPageLimit = 25
	MaxPageLimit     = 100
)

// Page is one page of a list and the cursor of the next; the cursor of the last page is empty.
type Page[T any] struct {
	Rows []T
	Next string
}

// PageRequest says which page of a list is wanted.
type PageRequest struct {
	// Limit is the wanted number of rows: 0 for the default, and more than the greatest counts as the greatest.
	Limit int
	// Cursor is the Next of the page before; empty for the first page.
	Cursor string
}

func (p PageRequest) limit() int {
	if p.Limit == 0 {
		return DefaultPageLimit
	}
	return min(p.Limit, MaxPageLimit)
}

// CursorKey authenticates page cursors, so that one which was changed, or belongs to a list with other filters,
// is told from a real one. Replicas share it.
type CursorKey []byte

// seal writes a row's position in a list as a cursor.
func (k CursorKey) seal(list, position any) string {
	// Both are structs of strings, numbers and times, which always marshal.
	text, _ := json.Marshal(position)
	return base64.RawURLEncoding.EncodeToString(append(k.mac(list, text), text...))
}

// open reads a cursor of this list. It wraps ErrBadCursor for any other.
func (k CursorKey) open(list any, cursor string, position any) error {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	// The decoder skips line ends.
	if err != nil || strings.ContainsAny(cursor, "\r\n") || len(sealed) < sha256.Size {
		return ErrBadCursor
	}
	mac, text := sealed[:sha256.Size], sealed[sha256.Size:]
	if !hmac.Equal(mac, k.mac(list, text)) {
		return ErrBadCursor
	}
	if json.Unmarshal(text, position) != nil {
		return ErrBadCursor
	}
	return nil
}

func (k CursorKey) mac(list any, position []byte) []byte {
	filters, _ := json.Marshal(list)
	mac := hmac.New(sha256.New, k)
	mac.Write(filters)
	mac.Write([]byte{0})
	mac.Write(position)
	return mac.Sum(nil)
}

// paginate answers one page: it opens the request's cursor into position, has load read one row more than the
// page holds, and seals the position of the last row when there is that one more.
func paginate[T, P any](
	key CursorKey, list any, request PageRequest,
	load func(after *P, limit int) ([]T, error), positionOf func(*T) P,
) (Page[T], error) {
	var after *P
	if request.Cursor != "" {
		after = new(P)
		if err := key.open(list, request.Cursor, after); err != nil {
			return Page[T]{}, err
		}
	}
	limit := request.limit()
	rows, err := load(after, limit+1)
	if err != nil {
		return Page[T]{}, err
	}
	page := Page[T]{Rows: rows}
	if len(rows) > limit {
		page.Rows = rows[:limit]
		page.Next = key.seal(list, positionOf(&rows[limit-1]))
	}
	return page, nil
}
