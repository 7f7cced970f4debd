package bearer

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// sameURL compares two absolute URLs without query and fragment, after the normalization of RFC 3986 §6.2.2 and
// §6.2.3 (RFC 9449 §4.3).
func sameURL(got, want string) bool {
	a, err := normalURL(got)
	if err != nil {
		return false
	}
	b, err := normalURL(want)
	return err == nil && a == b
}

func normalURL(text string) (string, error) {
	address, err := url.Parse(text)
	switch {
	case err != nil:
		return "", errors.New("it is not a URL")
	case address.Scheme != "https" && address.Scheme != "http", address.Host == "", address.User != nil:
		return "", fmt.Errorf("%q is not an absolute http or https URL", clip(text))
	}
	// Resolving removes the dot segments, and gives an empty path its slash.
	address = (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: "/"}).ResolveReference(address)
	host := strings.ToLower(address.Host)
	if address.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	path := address.EscapedPath()
	if path == "" {
		path = "/"
	}
	return address.Scheme + "://" + host + normalEscapes(path), nil
}

// normalEscapes writes the escapes of a path in upper case, and unreserved characters without (RFC 3986 §6.2.2).
func normalEscapes(path string) string {
	var normal strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			normal.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		if char, err := url.PathUnescape(escape); err == nil && unreserved(char[0]) {
			normal.WriteByte(char[0])
		} else {
			normal.WriteString(escape)
		}
		i += 2
	}
	return normal.String()
}

func unreserved(char byte) bool {
	return 'A' <= char && char <= 'Z' || 'a' <= char && char <= 'z' || '0' <= char && char <= '9' ||
		char == '-' || char == '.' || char == '_' || char == '~'
}
