package oauth

import (
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// TestKeyIDsAreNoOptions: whoever copies the id of a key to a command line means the key.
func TestKeyIDsAreNoOptions(t *testing.T) {
	for range 500 { // Of ids that are drawn evenly, one in 64 begins with a dash.
		key, err := NewSigningKey(LocalKeys{}, jose.EdDSA, testTime, testTime)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(key.ID, "-") {
			t.Fatalf("a key is called %q", key.ID)
		}
	}
}
