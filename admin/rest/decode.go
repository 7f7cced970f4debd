package rest

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/admin"
)

// optional is a member of a JSON object that may be left out. A null says the same as the type's zero value: in a
// merge patch (RFC 7396) it empties the field.
type optional[T any] struct{ value *T }

// UnmarshalJSONFrom notes that the member is there, and reads it as strictly as the object around it.
func (o *optional[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	o.value = new(T)
	return json.UnmarshalDecode(decoder, o.value)
}

// decode reads the body: one JSON value of the content type, with no member unknown, repeated or of other case.
// It answers the problem itself and false when it cannot.
func decode[T any](a *API, c *gin.Context, contentTypes ...string) (T, bool) {
	var value T
	mediaType, _, err := mime.ParseMediaType(c.ContentType())
	if err != nil || !slices.Contains(contentTypes, mediaType) {
		a.write(c, Problem{Type: "unsupported-media-type",
			Status: http.StatusUnsupportedMediaType, Detail: "Send Content-Type: " + contentTypes[0] + "."})
		return value, false
	}
	err = json.UnmarshalRead(c.Request.Body, &value, json.RejectUnknownMembers(true))
	if err == nil {
		return value, true
	}
	var (
		tooLarge *http.MaxBytesError
		semantic *json.SemanticError
		syntax   *jsontext.SyntacticError
	)
	switch {
	case errors.As(err, &tooLarge):
		a.fail(c, err)
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		a.malformed(c, string(syntax.JSONPointer), "repeated", "this member stands twice")
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		a.malformed(c, string(semantic.JSONPointer), "unknown", "there is no such member, or it cannot be set here")
	case errors.As(err, &semantic):
		a.malformed(c, string(semantic.JSONPointer), "wrong_type", "this is not a value of the member's type")
	case errors.As(err, &syntax):
		a.malformed(c, string(syntax.JSONPointer), "syntax", "the body is not one well-formed JSON value in UTF-8")
	default:
		a.malformed(c, "", "unreadable", "the body could not be read to its end")
	}
	return value, false
}

// query reads query parameters, and remembers the first that is wrong.
type query struct {
	values map[string][]string
	name   string // The parameter that is wrong.
	detail string
}

// queryOf starts to read the request's query, which may hold these parameters, each once.
func queryOf(c *gin.Context, allowed ...string) *query {
	// URL.Query would leave out in silence what it cannot read.
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.refuse("", "the query is not well-formed")
	}
	for name, values := range q.values {
		if !slices.Contains(allowed, name) {
			q.refuse(name, "there is no such parameter here")
		} else if len(values) > 1 {
			q.refuse(name, "the parameter stands twice")
		}
	}
	return q
}

func (q *query) refuse(name, detail string) {
	if q.detail == "" {
		q.name, q.detail = name, detail
	}
}

// ok answers whether everything was right, and otherwise the problem.
func (q *query) ok(a *API, c *gin.Context) bool {
	if q.detail != "" {
		a.malformed(c, q.name, "invalid", q.detail)
	}
	return q.detail == ""
}

func (q *query) text(name string) string {
	if values := q.values[name]; len(values) > 0 {
		if strings.ContainsRune(values[0], 0) {
			q.refuse(name, "the value must not contain NUL")
		}
		return values[0]
	}
	return ""
}

// scope reads a permission that is written as a scope, or is left out.
func (q *query) scope(name string) string {
	text := q.text(name)
	if api, permission, _ := strings.Cut(text, ":"); text != "" && (api == "" || permission == "") {
		q.refuse(name, "the value must be an API and a permission, such as profile:read")
	}
	return text
}

// oneOf reads a parameter that has one of these values or is left out. Empty it is not left out: "?dry_run=" must not
// change anything.
func (q *query) oneOf(name string, values ...string) string {
	text := q.text(name)
	if q.values[name] != nil && !slices.Contains(values, text) {
		q.refuse(name, "the value must be one of "+strings.Join(values, ", "))
	}
	return text
}

// time reads a time as RFC 3339 writes it; zero if it is left out.
func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		q.refuse(name, "the value must be a time such as 2026-01-02T15:04:05Z")
	}
	return at.UTC().Truncate(time.Microsecond)
}

func (q *query) page() admin.PageRequest {
	return admin.PageRequest{Cursor: q.text("cursor"), Limit: q.number("limit", 0)}
}

// number reads a whole number from 1 on, or answers the fallback.
func (q *query) number(name string, fallback int) int {
	text := q.text(name)
	if text == "" {
		return fallback
	}
	number, err := strconv.Atoi(text)
	if errors.Is(err, strconv.ErrRange) && number > 0 {
		err = nil // It is the greatest number there is, and greater than any limit.
	}
	if err != nil || number < 1 {
		q.refuse(name, "the value must be a whole number from 1")
	}
	return number
}

// days reads a number of days, which may be left out.
func (q *query) days(name string) time.Duration {
	const most = 3650
	days := q.number(name, 0)
	if days > most {
		q.refuse(name, "the value must be at most "+strconv.Itoa(most))
	}
	return time.Duration(min(days, most)) * 24 * time.Hour
}

func (q *query) dryRun() bool { return q.flag("dry_run") }

func (q *query) flag(name string) bool { return q.oneOf(name, "true", "false") == "true" }
