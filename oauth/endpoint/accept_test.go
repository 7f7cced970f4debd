package endpoint

import (
	"net/http"
	"testing"
)

func TestWanted(t *testing.T) {
	for accept, want := range map[string]struct {
		quality float64
		named   bool
		signed  bool
	}{
		"":                                    {1, false, false},
		"*/*":                                 {1, false, false},
		"application/*;q=0.5":                 {.5, false, false},
		"text/html":                           {0, false, false},
		"application/json":                    {0, false, false},
		"application/token-introspection+jwt": {1, true, true},
		"Application/Token-Introspection+JWT": {1, true, true},
		"application/token-introspection+jwt;q=0":                           {0, true, false},
		"application/token-introspection+jwt;q=0, */*":                      {0, true, false},
		"application/token-introspection+jwt; q=0.1, application/json":      {.1, true, false},
		"application/json;q=0.1, application/token-introspection+jwt;q=0.2": {.2, true, true},
		"application/json, application/token-introspection+jwt":             {1, true, true},
		"application/token-introspection+jwt;q=much, application/json;q=0":  {0, true, false},
		"nonsense, ;;, application/token-introspection+jwt":                 {1, true, true},
		"application/*;q=0, application/token-introspection+jwt;q=0.3, */*": {.3, true, true},
	} {
		request := &http.Request{Header: http.Header{}}
		if accept != "" {
			request.Header.Set("Accept", accept)
		}
		if quality, named := wanted(request, signedIntrospection); quality != want.quality || named != want.named {
			t.Errorf("%q: %v %v", accept, quality, named)
		}
		if signed := acceptsSigned(request); signed != want.signed {
			t.Errorf("%q: signed is %v", accept, signed)
		}
	}
}
