package storage

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// moment is a time as both databases keep it: in UTC, in whole microseconds, and NULL for the zero time.
type moment struct{ time.Time }

// Value implements driver.Valuer.
func (m moment) Value() (driver.Value, error) {
	if m.IsZero() {
		return nil, nil
	}
	return m.UTC().Truncate(time.Microsecond), nil
}

// Scan implements sql.Scanner.
func (m *moment) Scan(value any) error {
	switch value := value.(type) {
	case nil:
		*m = moment{}
	case time.Time:
		*m = moment{value.UTC()}
	default:
		return fmt.Errorf("a time came as %T", value)
	}
	return nil
}

// document is a value as a column of JSON. It reads back as what it was, nil or empty.
type document[T any] struct{ of T }

// Value implements driver.Valuer. The text is a string, for lib/pq would send bytes as binary.
func (d document[T]) Value() (driver.Value, error) {
	text, err := json.Marshal(d.of)
	return string(text), err
}

// Scan implements sql.Scanner.
func (d *document[T]) Scan(value any) error {
	switch value := value.(type) {
	case string:
		return json.Unmarshal([]byte(value), &d.of)
	case []byte:
		return json.Unmarshal(value, &d.of)
	default:
		return fmt.Errorf("JSON came as %T", value)
	}
}

// storable reports whether the database can hold such a text. What it cannot hold, it cannot find either.
func storable(values ...string) bool {
	for _, value := range values {
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return false
		}
	}
	return true
}
