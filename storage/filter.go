package storage

import (
	"fmt"
	"strings"
)

// filter is a WHERE that grows by what a query narrows, with the values of its placeholders.
type filter struct {
	clauses []string
	values  []any
}

// and narrows by one more clause, in which each %s stands for one value.
func (f *filter) and(clause string, values ...any) {
	places := make([]any, len(values))
	for i, value := range values {
		places[i] = f.place(value)
	}
	f.clauses = append(f.clauses, fmt.Sprintf(clause, places...))
}

// place answers the placeholder of a value.
func (f *filter) place(value any) string {
	f.values = append(f.values, value)
	return fmt.Sprintf("$%d", len(f.values))
}

// contains narrows to rows of which one of two columns contains the text, whatever the case of ASCII letters.
// Both databases fold those letters alone, because the columns are compared byte by byte.
func (f *filter) contains(one, other, text string) {
	text = lowerASCII(text)
	pattern := f.place(containing(text))
	inOther := fmt.Sprintf("LOWER(%s) LIKE %s ESCAPE '!'", other, pattern)
	if rest, ok := strings.CutPrefix(text, "cid_"); ok && len(rest) >= trigram {
		// Every client's id has the trigrams of this prefix, so that an index is slow with them and quick with the rest.
		// The whole is compared after that, in an expression that no index has.
		inOther = fmt.Sprintf("(LOWER(%s) LIKE %s ESCAPE '!' AND LOWER(%s) || '' LIKE %s ESCAPE '!')",
			other, f.place(containing(rest)), other, pattern)
	}
	f.clauses = append(f.clauses, fmt.Sprintf("(LOWER(%s) LIKE %s ESCAPE '!' OR %s)", one, pattern, inOther))
}

// trigram is how long a text must at least be for an index to find it.
const trigram = 3

// containing answers the pattern of texts that contain this one.
func containing(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// anyOf narrows to rows of which the column is one of the texts.
func (f *filter) anyOf(column string, texts []string) {
	f.clauses = append(f.clauses, f.in(column, texts))
}

// in answers the clause that the column is one of the texts.
func (f *filter) in(column string, texts []string) string {
	places := make([]string, 0, len(texts))
	for _, one := range texts {
		if storable(one) {
			places = append(places, f.place(one))
		}
	}
	if len(places) == 0 {
		return "1 = 0"
	}
	return fmt.Sprintf("%s IN (%s)", column, strings.Join(places, ", "))
}

// String writes the filter; a filter that narrows nothing writes nothing.
func (f *filter) String() string {
	if len(f.clauses) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(f.clauses, " AND ")
}

func lowerASCII(text string) string {
	return strings.Map(func(char rune) rune {
		if 'A' <= char && char <= 'Z' {
			char += 'a' - 'A'
		}
		return char
	}, text)
}
