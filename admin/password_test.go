package admin

import (
	"testing"

	"github.com/alexedwards/argon2id"
)

// TestNobodysHash holds that a password is compared to nobody's as it is to anybody's.
func TestNobodysHash(t *testing.T) {
	passwords := NewPasswords()
	parameters, _, key, err := argon2id.DecodeHash(nobodysHash)
	if err != nil || *parameters != hashParameters || len(key) != int(hashParameters.KeyLength) {
		t.Errorf("nobody's hash is of %+v, %v", parameters, err)
	}
	if match, err := passwords.matches(t.Context(), "correct horse battery staple", ""); match || err != nil {
		t.Errorf("it answers %t, %v", match, err)
	}
}
