package bearer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// Ed25519 is the name that says all of EdDSA with such a key (RFC 9864 §2.2). Both names are in use.
const Ed25519 jose.SignatureAlgorithm = "Ed25519"

// algorithms are the signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2) that are accepted; a Config may
// take fewer.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, Ed25519, jose.RS256, jose.PS256}

// decode reads base64url of one spelling: without padding, and with the unused last bits zero.
func decode(text string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(text) }

// header is what is read of a JOSE header (RFC 7515 §4). Any other parameter is ignored, as it must be, unless crit
// says otherwise: where keys may be found (jku, x5u, x5c) is nobody's to say but the Config's.
type header struct {
	Algorithm jose.SignatureAlgorithm `json:"alg"`
	Type      string                  `json:"typ"`
	KeyID     string                  `json:"kid"`
	Key       json.RawMessage         `json:"jwk"`
	Critical  json.RawMessage         `json:"crit"`
}

// compact is a JWS in compact serialization (RFC 7515 §7.1), taken apart and not yet verified.
type compact struct {
	header  string // As it was written: what parseHeader reads.
	payload []byte
	input   string // What is signed.
	sig     []byte
}

var errMalformed = errors.New("malformed")

// splitCompact takes a compact JWS apart. It accepts one spelling of each.
func splitCompact(text string) (compact, error) {
	second := strings.LastIndexByte(text, '.')
	first := strings.IndexByte(text, '.')
	// Go's decoder would skip line ends.
	if first == second || strings.Count(text, ".") != 2 || strings.ContainsAny(text, "\r\n") {
		return compact{}, errMalformed
	}
	jws := compact{header: text[:first], input: text[:second]}
	var err error
	if jws.payload, err = decode(text[first+1 : second]); err != nil {
		return compact{}, errMalformed
	}
	if jws.sig, err = decode(text[second+1:]); err != nil {
		return compact{}, errMalformed
	}
	return jws, nil
}

// parseHeader reads a protected header. go-jose's JSON knows names by their exact case and refuses one that stands
// there twice (RFC 7515 §4), where encoding/json does neither.
func parseHeader(text string) (header, error) {
	decoded, err := decode(text)
	if err != nil {
		return header{}, errMalformed
	}
	var parsed header
	if err := json.Unmarshal(decoded, &parsed); err != nil || len(decoded) == 0 || decoded[0] != '{' {
		return header{}, errMalformed
	}
	return parsed, nil
}

// isType reports whether typ names this media type, with or without "application/" (RFC 7515 §4.1.9).
func (h *header) isType(want string) bool {
	const prefix = "application/"
	typ := h.Type
	if len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	return strings.EqualFold(typ, want)
}

// verify reports whether the key made the signature by the algorithm. The calls of the standard library stand here
// themselves because go-jose reads the header again several times on the way to them, which costs a quarter of a raw
// verification more; its parser of keys is the one that is used.
func (c *compact) verify(algorithm jose.SignatureAlgorithm, key any) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		const size = 32 // RFC 7518 §3.4: R and S, each of 32 bytes.
		if algorithm != jose.ES256 || key.Curve != elliptic.P256() || len(c.sig) != 2*size {
			return false
		}
		sum := sha256.Sum256([]byte(c.input))
		return ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(c.sig[:size]), new(big.Int).SetBytes(c.sig[size:]))
	case ed25519.PublicKey:
		return (algorithm == jose.EdDSA || algorithm == Ed25519) && len(key) == ed25519.PublicKeySize &&
			ed25519.Verify(key, []byte(c.input), c.sig)
	case *rsa.PublicKey:
		sum := sha256.Sum256([]byte(c.input))
		switch algorithm {
		case jose.RS256:
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], c.sig) == nil
		case jose.PS256:
			// RFC 7518 §3.5: the salt is as long as the hash.
			return rsa.VerifyPSS(key, crypto.SHA256, sum[:], c.sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	}
	return false
}

// checkAlgorithms answers the allowed algorithms, all of them if none are named.
func checkAlgorithms(named []jose.SignatureAlgorithm) ([]jose.SignatureAlgorithm, error) {
	if len(named) == 0 {
		return algorithms, nil
	}
	for _, algorithm := range named {
		if !slices.Contains(algorithms, algorithm) {
			return nil, errors.New("the algorithm " + string(algorithm) + " is not one of ES256, EdDSA, Ed25519, RS256, PS256")
		}
	}
	return slices.Clone(named), nil
}
