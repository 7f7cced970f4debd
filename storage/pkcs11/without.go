//go:build !pkcs11

package pkcs11

import (
	"errors"
	"io"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Open answers an error: this program was built without PKCS #11.
func Open(Config) (oauth.SecurityModule, io.Closer, error) {
	return nil, nil, errors.New("this program was built without PKCS #11: build it with cgo and -tags pkcs11")
}
