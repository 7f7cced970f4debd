package endpoint

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/oauth"
)

// form is the parameters of a request, read from its body and from nowhere else.
type form map[string][]string

// The types of a body.
const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// readForm reads the body by way of a buffer: form-encoded (RFC 6749 appendix B), or a JSON object with the same members. A
// parameter may stand once (§3.2), but for those named in repeatable; one without a value counts as left out.
func readForm(request *http.Request, buffer *bytes.Buffer, repeatable ...string) (form, error) {
	if request.URL.RawQuery != "" || request.URL.ForceQuery {
		return nil, invalidRequest("parameters belong in the body, not in the query")
	}
	mediaType, err := readMediaType(request.Header["Content-Type"])
	if err != nil {
		return nil, err
	}
	if coding := request.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, invalidRequest("a body with a Content-Encoding is not read")
	}
	buffer.Reset()
	_, err = buffer.ReadFrom(request.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body could not be read to its end", Err: err}
	}
	var said form
	switch mediaType {
	case formType:
		values, err := url.ParseQuery(buffer.String())
		if err != nil {
			return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body is not well-formed", Err: err}
		}
		said = form(values)
	case jsonType:
		if said, err = fromJSON(buffer.Bytes()); err != nil {
			return nil, err
		}
	default:
		return nil, invalidRequest("the Content-Type must be " + formType)
	}
	return said, said.tidy(repeatable)
}

// readMediaType answers the type that the Content-Type header names.
func readMediaType(headers []string) (string, error) {
	if len(headers) == 1 && headers[0] == formType {
		return formType, nil // As most write it.
	}
	mediaType, parameters, err := mime.ParseMediaType(strings.Join(headers, ", "))
	if err != nil || len(headers) != 1 {
		return "", invalidRequest("one Content-Type of " + formType + " is required")
	}
	if charset, given := parameters["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return "", invalidRequest("the charset must be UTF-8")
	}
	return mediaType, nil
}

// fromJSON reads a flat object of strings, or of arrays of strings where a parameter stands more than once. Only
// authorization_details is an array of its own (RFC 9396 §2), and is kept as the text that a form would hold.
func fromJSON(body []byte) (form, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body is not one well-formed JSON object", Err: err}
	}
	parameters := make(form, len(members))
	for name, text := range members {
		if name == "authorization_details" && text.Kind() == '[' {
			parameters[name] = []string{string(text)}
			continue
		}
		var member any
		if err := json.Unmarshal(text, &member); err != nil {
			return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body is not one well-formed JSON object", Err: err}
		}
		values, isArray := member.([]any)
		if !isArray {
			values = []any{member}
		}
		for _, value := range values {
			text, isText := value.(string)
			if !isText {
				return nil, invalidRequest("every member must be a string or an array of strings")
			}
			parameters[name] = append(parameters[name], text)
		}
	}
	return parameters, nil
}

// tidy drops parameters without a value and refuses what stands twice or is no text.
func (f form) tidy(repeatable []string) error {
	for name, values := range f {
		kept := values[:0]
		for _, value := range values {
			if !utf8.ValidString(value) || !utf8.ValidString(name) {
				return invalidRequest("the parameters are not UTF-8")
			}
			if value != "" {
				kept = append(kept, value)
			}
		}
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return repeated(name)
		}
		f[name] = kept
	}
	return nil
}

// repeated names the parameter if it is named as parameters are, which RFC 6749 §5.2 allows in a description.
func repeated(name string) error {
	if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return invalidRequest("a parameter is repeated")
	}
	return invalidRequest("the parameter " + name + " is repeated")
}

// get answers a parameter that may stand once; empty when it is left out.
func (f form) get(name string) string {
	if values := f[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (f form) has(name string) bool { return len(f[name]) > 0 }

func invalidRequest(description string) error {
	return &oauth.Error{Code: oauth.InvalidRequest, Description: description}
}
