package oauth

import (
	"slices"
	"strings"
)

// Scope is a set of permissions, each written "api:permission", in the order given and without repetition.
type Scope []string

// maxScopeTokens is more than a token could carry to an API in a header.
const maxScopeTokens = 1000

// ParseScope reads the scope parameter by the grammar of RFC 6749 §3.3: scope-tokens of printable ASCII without
// space, " and \, parted by single spaces. A permission named twice counts once. The error is an [*Error]
// with the code invalid_scope.
func ParseScope(text string) (Scope, error) {
	if text == "" {
		return nil, nil
	}
	if strings.Count(text, " ") >= maxScopeTokens {
		return nil, &Error{Code: InvalidScope, Description: "the scope names too many permissions"}
	}
	scope := make(Scope, 0, strings.Count(text, " ")+1)
	for token := range strings.SplitSeq(text, " ") {
		if !validScopeToken(token) {
			return nil, &Error{Code: InvalidScope, Description: "the scope is not a list of scope tokens parted by single spaces"}
		}
		if !slices.Contains(scope, token) {
			scope = append(scope, token)
		}
	}
	return scope, nil
}

// String prints the scope as RFC 6749 §3.3 writes it.
func (s Scope) String() string { return strings.Join(s, " ") }

func validScopeToken(token string) bool {
	for i := range len(token) {
		// scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
		if c := token[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return token != ""
}
