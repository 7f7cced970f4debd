package oauth

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// The limits of what a client registers as its keys.
const (
	maxClientKeys     = 10
	maxClientKeysText = 32 << 10 // Bytes.
	maxKeysURL        = 2048
	maxPublishedKeys  = 50
	maxKeyID          = 255

	minRSABits     = 2048
	maxRSABits     = 4096 // go-jose reads none that is longer: its signatures would cost us more than they prove.
	minRSAExponent = 65537
)

// clientKeyAlgorithms are the algorithms a client may sign with, by the kind of its key (RFC 7518 §3.1, RFC 8037
// §3.1, RFC 9864 §2.2). They are all asymmetric: a secret shared with us is no proof of who used it.
var clientKeyAlgorithms = map[string][]jose.SignatureAlgorithm{
	"P-256":   {jose.ES256},
	"P-384":   {jose.ES384},
	"P-521":   {jose.ES512},
	"RSA":     {jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512},
	"Ed25519": {jose.EdDSA, bearer.Ed25519},
}

// KeyFault says what is wrong with one member of a key set.
type KeyFault struct {
	// Pointer is the member as an RFC 6901 JSON pointer into the set: "/keys/0/x".
	Pointer string
	// Code is for programs, Detail for people.
	Code   string
	Detail string
}

// keyFaults gathers faults.
type keyFaults []KeyFault

func (f *keyFaults) add(pointer, code, format string, args ...any) {
	*f = append(*f, KeyFault{pointer, code, fmt.Sprintf(format, args...)})
}

// ParseClientKeys reads a client's public keys from a JWK set (RFC 7517 §5), and answers them or all that is wrong
// with them. Members it does not know are left out (RFC 7517 §4). Names must not stand twice in the text.
func ParseClientKeys(text []byte) ([]jose.JSONWebKey, []KeyFault) {
	return parseClientKeys(text, func(string, json.RawMessage, *jose.JSONWebKey, *keyFaults) {})
}

// ParseClientCertificates is ParseClientKeys for keys that come with a certificate each, in x5c (RFC 8705 §2.2.2).
func ParseClientCertificates(text []byte) ([]jose.JSONWebKey, []KeyFault) {
	return parseClientKeys(text, readCertificate)
}

func parseClientKeys(text []byte, further func(string, json.RawMessage, *jose.JSONWebKey, *keyFaults)) ([]jose.JSONWebKey, []KeyFault) {
	var faults keyFaults
	if len(text) > maxClientKeysText {
		faults.add("", "too_long", "at most %d bytes are allowed", maxClientKeysText)
		return nil, faults
	}
	var set map[string]json.RawMessage
	var elements []json.RawMessage
	switch {
	case json.Unmarshal(text, &set) != nil || set == nil:
		faults.add("", "wrong_type", `a JWK set is an object: {"keys": [...]}`)
	case set["keys"] == nil:
		faults.add("/keys", "required", "a JWK set has the member keys")
	case json.Unmarshal(set["keys"], &elements) != nil:
		faults.add("/keys", "wrong_type", "keys must be a list of keys")
	case len(elements) == 0:
		faults.add("/keys", "required", "at least one key is needed")
	case len(elements) > maxClientKeys:
		faults.add("/keys", "too_many", "at most %d keys are allowed", maxClientKeys)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	keys := make([]jose.JSONWebKey, len(elements))
	for i, element := range elements {
		at := fmt.Sprintf("/keys/%d", i)
		before := len(faults)
		if keys[i] = parseClientKey(at, element, &faults); len(faults) == before {
			further(at, element, &keys[i], &faults)
		}
		switch id := keys[i].KeyID; {
		case id == "" && len(elements) > 1:
			faults.add(at+"/kid", "required", "of several keys, each needs a kid")
		case id != "" && slices.ContainsFunc(keys[:i], func(k jose.JSONWebKey) bool { return k.KeyID == id }):
			faults.add(at+"/kid", "repeated", "another key of the set has this kid")
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return keys, nil
}

// ParsePublishedKeys reads the keys of a JWK set that a client publishes, which may hold other keys than those that it
// signs with here. What a client could not register is left out, as is the second key of one kid.
func ParsePublishedKeys(text []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("this is not a JWK set")
	}
	if len(set.Keys) > maxPublishedKeys {
		return nil, fmt.Errorf("the JWK set has more than %d keys", maxPublishedKeys)
	}
	var keys []jose.JSONWebKey
	for _, element := range set.Keys {
		var faults keyFaults
		key := parseClientKey("", element, &faults)
		known := slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool { return k.KeyID == key.KeyID })
		if len(faults) == 0 && !known {
			readCertificate("", element, &key, &faults) // A key without one can still sign assertions.
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// parseClientKey reads one key. Of a key with faults it answers the kid alone.
func parseClientKey(at string, text json.RawMessage, faults *keyFaults) jose.JSONWebKey {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		faults.add(at, "wrong_type", "a key is an object")
		return jose.JSONWebKey{}
	}
	labels := make(map[string]string)
	before := len(*faults)
	for _, name := range []string{"kty", "crv", "use", "alg", "kid"} {
		var value *string
		if raw, present := members[name]; present && (json.Unmarshal(raw, &value) != nil || value == nil) {
			faults.add(at+"/"+name, "wrong_type", "%s must be a string", name)
		} else if present {
			labels[name] = *value
		}
	}
	id := labels["kid"]
	checkPrivate(at, members, faults)
	if len(*faults) > before {
		return jose.JSONWebKey{KeyID: id}
	}
	kind := checkLabels(at, labels, faults)
	var operations []string
	if raw, present := members["key_ops"]; present && (json.Unmarshal(raw, &operations) != nil || !slices.Equal(operations, []string{"verify"})) {
		faults.add(at+"/key_ops", "not_allowed", `key_ops must be ["verify"] or left out`)
	}
	if len(*faults) > before {
		return jose.JSONWebKey{KeyID: id}
	}
	key := materialOf(at, kind, members, faults)
	key.KeyID, key.Algorithm, key.Use = id, labels["alg"], "sig"
	return key
}

// readCertificate reads the certificate of a key, the first in its x5c (RFC 7517 §4.7).
func readCertificate(at string, text json.RawMessage, key *jose.JSONWebKey, faults *keyFaults) {
	var members struct {
		Chain []string `json:"x5c"`
	}
	if json.Unmarshal(text, &members) != nil {
		faults.add(at+"/x5c", "wrong_type", "x5c must be a list of strings")
		return
	}
	if len(members.Chain) == 0 {
		faults.add(at+"/x5c", "required", "a key that a self-signed certificate is for has that in x5c")
		return
	}
	der, err := base64.StdEncoding.Strict().DecodeString(members.Chain[0])
	if err != nil {
		faults.add(at+"/x5c/0", "invalid", "this is not base64 with padding")
		return
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		faults.add(at+"/x5c/0", "invalid", "this is not a certificate in DER")
		return
	}
	public, comparable := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !comparable || !public.Equal(key.Key) {
		faults.add(at+"/x5c/0", "contradictory", "the certificate is for another key")
		return
	}
	key.Certificates = []*x509.Certificate{certificate}
}

// checkPrivate refuses every member that RFC 7518 §6 and RFC 8037 §2 keep for private and symmetric keys.
func checkPrivate(at string, members map[string]json.RawMessage, faults *keyFaults) {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, present := members[name]; present {
			faults.add(at+"/"+name, "private", "%s belongs to a private key: send the public key alone, and replace this one, for it is known to others now", name)
		}
	}
}

// checkLabels judges what a key says about itself, and answers its kind: RSA or a curve.
func checkLabels(at string, labels map[string]string, faults *keyFaults) string {
	kind := labels["crv"]
	curves := map[string][]string{"EC": {"P-256", "P-384", "P-521"}, "OKP": {"Ed25519"}}[labels["kty"]]
	switch kty := labels["kty"]; {
	case kty == "RSA":
		kind = kty
	case kty == "oct":
		faults.add(at+"/kty", "not_allowed", "a symmetric key proves nothing: use EC, OKP or RSA")
	case curves == nil:
		faults.add(at+"/kty", "unknown", "kty must be EC, OKP or RSA")
	case !slices.Contains(curves, kind):
		faults.add(at+"/crv", "not_allowed", "for such a key crv must be one of %v", curves)
	}
	if use, said := labels["use"]; said && use != "sig" {
		faults.add(at+"/use", "not_allowed", `the key must be for signatures: use must be "sig" or left out`)
	}
	algorithms := clientKeyAlgorithms[kind]
	if algorithm, said := labels["alg"]; said && algorithms != nil && !slices.Contains(algorithms, jose.SignatureAlgorithm(algorithm)) {
		faults.add(at+"/alg", "not_allowed", "for such a key alg must be one of %v, or left out", algorithms)
	}
	if id := labels["kid"]; len(id) > maxKeyID || strings.ContainsFunc(id, func(char rune) bool { return char < 0x20 || char > 0x7e }) {
		faults.add(at+"/kid", "invalid", "kid must be at most %d printable ASCII characters", maxKeyID)
	}
	return kind
}

// materialOf reads the numbers of a key of known kind, and judges them. go-jose holds coordinates to their length
// (RFC 7518 §6.2.1.2) and points to their curve.
func materialOf(at, kind string, members map[string]json.RawMessage, faults *keyFaults) (key jose.JSONWebKey) {
	names := map[string][]string{"RSA": {"kty", "n", "e"}, "Ed25519": {"kty", "crv", "x"}}[kind]
	if names == nil {
		names = []string{"kty", "crv", "x", "y"}
	}
	plain := make(map[string]json.RawMessage, len(names))
	for _, name := range names {
		if plain[name] = members[name]; members[name] == nil {
			faults.add(at+"/"+name, "required", "a key of this kind has the member %s", name)
			return key
		}
	}
	if kind == "RSA" && !checkRSA(at, plain, faults) {
		return key
	}
	text, err := json.Marshal(plain)
	if err == nil {
		err = key.UnmarshalJSON(text)
	}
	if err != nil || !key.Valid() || !samePublicKey(key, text) {
		faults.add(at, "invalid", "this is not the public key of a %s key pair, in base64url without padding or needless zeros", kind)
		return key
	}
	return key
}

// samePublicKey reports whether the key, written again, is what was read: no number was cut short on the way.
func samePublicKey(key jose.JSONWebKey, text []byte) bool {
	again, err := key.MarshalJSON()
	if err != nil {
		return false
	}
	var before, after map[string]string
	return json.Unmarshal(text, &before) == nil && json.Unmarshal(again, &after) == nil && maps.Equal(before, after)
}

// checkRSA judges the size of an RSA key's numbers, and that they can be what they are said to be.
func checkRSA(at string, members map[string]json.RawMessage, faults *keyFaults) bool {
	before := len(*faults)
	n, e := keyNumber(members["n"]), keyNumber(members["e"])
	if bits := n.BitLen(); bits < minRSABits || bits > maxRSABits {
		faults.add(at+"/n", "out_of_range", "an RSA key must have %d to %d bits, and this one has %d", minRSABits, maxRSABits, bits)
	} else if n.Bit(0) == 0 {
		faults.add(at+"/n", "invalid", "an even number is no modulus of RSA")
	}
	if !e.IsInt64() || e.Int64() < minRSAExponent || e.Int64() > math.MaxInt32 || e.Bit(0) == 0 {
		faults.add(at+"/e", "out_of_range", "the exponent must be odd and from %d to %d", minRSAExponent, math.MaxInt32)
	}
	return len(*faults) == before
}

// keyNumber reads a Base64urlUInt (RFC 7518 §2). What is none reads as zero.
func keyNumber(member json.RawMessage) *big.Int {
	var text string
	if json.Unmarshal(member, &text) != nil {
		return new(big.Int)
	}
	octets, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return new(big.Int)
	}
	return new(big.Int).SetBytes(octets)
}

// CheckKeysURL answers why a client's keys cannot be published at this address, or nil. It asks nobody.
func CheckKeysURL(text string) error {
	if len(text) > maxKeysURL {
		return fmt.Errorf("at most %d characters are allowed", maxKeysURL)
	}
	address, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, func(char rune) bool { return char <= 0x20 || char > 0x7e }):
		return errors.New("this is not a URL in ASCII")
	case address.Scheme != "https" || address.Hostname() == "":
		return errors.New("it must be an absolute https URL")
	case address.User != nil:
		return errors.New("it must not hold a user or password")
	case address.Fragment != "" || strings.Contains(text, "#"):
		return errors.New("it must have no fragment")
	default:
		return nil
	}
}
