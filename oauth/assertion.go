package oauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // For crypto.Hash.
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// AssertionType is the client_assertion_type of a JWT (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The limits of a client assertion.
const (
	maxAssertionBytes = 8 << 10
	maxAssertionID    = 255       // Bytes of the jti, which is kept only as a hash.
	maxAssertionLife  = time.Hour // From now on, as libraries have it that are not told; a jti is remembered for as long.
	assertionSkew     = 30 * time.Second
)

// assertionAlgorithms are those that an assertion may be signed with.
var assertionAlgorithms = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, bearer.Ed25519, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
}

// assertion is a client assertion of which everything has been judged but the signature.
type assertion struct {
	text      string
	jws       *jose.JSONWebSignature
	algorithm jose.SignatureAlgorithm
	keyID     string
	claims    assertionClaims
}

// assertionClaims are those of RFC 7523 §3.
type assertionClaims struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  bearer.Audience `json:"aud"`
	ExpiresAt *float64        `json:"exp"` // Seconds since the epoch, perhaps with a fraction (RFC 7519 §2).
	NotBefore *float64        `json:"nbf"`
	IssuedAt  *float64        `json:"iat"`
	ID        string          `json:"jti"`
}

// NewAssertionProof makes the proof of a request with a client assertion. Without a client_id the client is the one
// that the assertion names (RFC 7521 §4.2), which is not proven yet.
func NewAssertionProof(clientID, text string) Proof {
	parsed, err := parseAssertion(text)
	if clientID == "" && err == nil {
		clientID = parsed.claims.Subject
	}
	return Proof{Method: AuthPrivateKeyJWT, ClientID: clientID, assertion: parsed, unreadable: err}
}

// judgeAssertion answers why the assertion that was presented does not prove the client. What does not depend on the
// client comes first; and then one signature is verified, by a key of the client or a decoy, so that the work tells
// nothing of the client.
func (i *Issuer) judgeAssertion(ctx context.Context, client *Client, proof Proof) *Error {
	parsed, err := proof.assertion, proof.unreadable
	switch {
	case err == nil && parsed == nil: // NewAssertionProof has not made the proof.
		err = errors.New("there is no assertion")
	case err == nil:
		err = parsed.check(proof.ClientID, i.url, i.now())
	}
	if err != nil {
		return invalidClient(ReasonAssertion, err.Error())
	}
	keys := client.Keys
	if client.KeysURL != "" {
		keys, err = i.published.PublishedKeys(ctx, client.KeysURL, parsed.keyID)
	}
	var key *jose.JSONWebKey
	if err == nil {
		key, err = parsed.keyOf(keys)
	}
	if err != nil {
		parsed.verify(i.decoys[parsed.algorithm]())
		return invalidClient(ReasonKey, err.Error())
	}
	if !parsed.verify(key.Key) {
		return invalidClient(ReasonAssertion, "the assertion's signature is not by the client's key")
	}
	return nil
}

// parseAssertion reads an assertion in the order of the checks, as far as it says itself how it is to be read.
func parseAssertion(text string) (*assertion, error) {
	switch {
	case len(text) > maxAssertionBytes:
		return nil, fmt.Errorf("the assertion is longer than %d bytes", maxAssertionBytes)
	case !isCompact(text): // RFC 7523 §3 item 1: a JWT, and so compact (RFC 7519 §1).
		return nil, errors.New("the assertion is not a JWS in compact serialization")
	}
	// RFC 8725 §3.1: the algorithm is one of ours, which none and HS256 are not.
	jws, err := jose.ParseSignedCompact(text, assertionAlgorithms)
	if err != nil {
		return nil, fmt.Errorf("the assertion cannot be read: %w", err)
	}
	header := jws.Signatures[0].Protected
	// RFC 8725 §3.10: a key is never taken from where the assertion says. A client that says so is misled, or misleads.
	if header.JSONWebKey != nil {
		return nil, errors.New("the assertion's header names a key in jwk")
	}
	for _, name := range []jose.HeaderKey{"jku", "x5u", "crit", "zip", "cty"} {
		if _, present := header.ExtraHeaders[name]; present {
			return nil, fmt.Errorf("the assertion's header has the parameter %s", name)
		}
	}
	// RFC 8725 §3.11: a JWT of another kind is no assertion. Many clients write no typ.
	if typ, present := header.ExtraHeaders[jose.HeaderType]; present && !isAssertionType(typ) {
		return nil, fmt.Errorf("the assertion's typ is %v", typ)
	}
	parsed := &assertion{text: text, jws: jws, algorithm: jose.SignatureAlgorithm(header.Algorithm), keyID: header.KeyID}
	// go-jose's JSON knows names by their exact case, and refuses one that stands there twice (RFC 7519 §4).
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &parsed.claims); err != nil {
		return nil, errors.New("the assertion's claims cannot be read")
	}
	return parsed, nil
}

// isCompact reports whether the text is three parts in base64url, each in its one spelling.
func isCompact(text string) bool {
	if strings.Count(text, ".") != 2 || strings.ContainsAny(text, "\r\n") { // Go's decoder would skip line ends.
		return false
	}
	for part := range strings.SplitSeq(text, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || part == "" {
			return false
		}
	}
	return true
}

func isAssertionType(typ any) bool {
	text, _ := typ.(string)
	if prefix := "application/"; len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		text = text[len(prefix):] // RFC 7515 §4.1.9.
	}
	return strings.EqualFold(text, "JWT") || strings.EqualFold(text, "client-authentication+jwt")
}

// check judges the claims.
func (a *assertion) check(clientID, issuer string, now time.Time) error {
	claims, at, skew := &a.claims, float64(now.UnixMicro())/1e6, assertionSkew.Seconds()
	switch {
	case claims.Issuer != clientID || claims.Subject != clientID: // RFC 7523 §3 items 1 and 2.
		return errors.New("the assertion's iss and sub are not both the client_id")
	case len(claims.Audience) != 1 || claims.Audience[0] != issuer:
		// draft-ietf-oauth-rfc7523bis §4: the issuer alone. The URL of the token endpoint is what another server can
		// give out as its own, to be sent an assertion that is good here.
		return errors.New("the assertion's aud is not the issuer alone")
	case claims.ExpiresAt == nil: // Item 4.
		return errors.New("the assertion has no exp")
	case *claims.ExpiresAt <= at-skew:
		return errors.New("the assertion has expired")
	case *claims.ExpiresAt > at+skew+maxAssertionLife.Seconds():
		return fmt.Errorf("the assertion expires more than %v from now", maxAssertionLife)
	case claims.NotBefore != nil && *claims.NotBefore > at+skew: // Item 5.
		return errors.New("the assertion is not valid yet")
	case claims.IssuedAt != nil && *claims.IssuedAt > at+skew: // Item 6.
		return errors.New("the assertion's iat is in the future")
	case claims.IssuedAt != nil && *claims.IssuedAt < at-skew-maxAssertionLife.Seconds():
		return fmt.Errorf("the assertion was issued more than %v ago", maxAssertionLife)
	case claims.NotBefore != nil && *claims.NotBefore >= *claims.ExpiresAt:
		return errors.New("the assertion expires before it is valid")
	case claims.ID == "": // Item 7: without a jti it could be used again.
		return errors.New("the assertion has no jti")
	case len(claims.ID) > maxAssertionID:
		return fmt.Errorf("the assertion's jti is longer than %d bytes", maxAssertionID)
	default:
		return nil
	}
}

// keyOf answers the client's key that the assertion is to be verified with.
func (a *assertion) keyOf(keys []jose.JSONWebKey) (*jose.JSONWebKey, error) {
	at := slices.IndexFunc(keys, func(key jose.JSONWebKey) bool { return a.keyID != "" && key.KeyID == a.keyID })
	switch {
	case len(keys) == 0:
		return nil, errors.New("the client has no public key")
	case at >= 0:
	case len(keys) == 1 && (a.keyID == "" || keys[0].KeyID == ""):
		at = 0
	case a.keyID == "":
		return nil, errors.New("the client has several keys, and the assertion has no kid")
	default:
		return nil, errors.New("the client has no key with the assertion's kid")
	}
	key := &keys[at]
	// RFC 8725 §3.1: one algorithm a key, where the key says which; or one that is made for such keys.
	fits := slices.Contains(clientKeyAlgorithms[kindOf(key.Key)], a.algorithm)
	if !fits || key.Algorithm != "" && key.Algorithm != string(a.algorithm) {
		return nil, fmt.Errorf("the client's key is not for %s", a.algorithm)
	}
	return key, nil
}

// pssHashes are the hashes of the algorithms that sign by RSASSA-PSS (RFC 7518 §3.5).
var pssHashes = map[jose.SignatureAlgorithm]crypto.Hash{jose.PS256: crypto.SHA256, jose.PS384: crypto.SHA384, jose.PS512: crypto.SHA512}

// verify reports whether the key made the signature.
func (a *assertion) verify(public any) bool {
	if edwards, isEdwards := public.(ed25519.PublicKey); isEdwards && a.algorithm == bearer.Ed25519 {
		return ed25519.Verify(edwards, []byte(a.input()), a.jws.Signatures[0].Signature) // go-jose knows EdDSA alone.
	}
	hash, salted := pssHashes[a.algorithm]
	key, isRSA := public.(*rsa.PublicKey)
	if !salted || !isRSA {
		_, err := a.jws.Verify(public)
		return err == nil
	}
	// RFC 7518 §3.5: the salt is as long as the hash. go-jose takes any.
	digest := hash.New()
	digest.Write([]byte(a.input()))
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return rsa.VerifyPSS(key, hash, digest.Sum(nil), a.jws.Signatures[0].Signature, options) == nil
}

// input is what is signed (RFC 7515 §5.1).
func (a *assertion) input() string { return a.text[:strings.LastIndexByte(a.text, '.')] }

// kindOf answers the kind of a public key, by which clientKeyAlgorithms are listed.
func kindOf(public any) string {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	case *rsa.PublicKey:
		return "RSA"
	default:
		return ""
	}
}

// spendAssertion notes that the caller's assertion has been used, or refuses it because it had been (RFC 7523 §3 item 7).
// It comes last, so that nobody but the client itself can use up what the client has signed, and the client can correct
// a request and send it again.
func (i *Issuer) spendAssertion(ctx context.Context, caller Caller) error {
	if caller.assertion == nil {
		return nil
	}
	claims := &caller.assertion.claims
	// No client_id holds a line end, so that no two pairs are one.
	id := sha256.Sum256([]byte("client_assertion\n" + claims.Subject + "\n" + claims.ID))
	until := time.Unix(int64(*claims.ExpiresAt), 0).Add(assertionSkew + time.Second).UTC()
	first, err := i.replays.Use(ctx, base64.RawURLEncoding.EncodeToString(id[:]), until)
	switch {
	case err != nil:
		return fmt.Errorf("noting the use of a client assertion: %w", err)
	case !first:
		return invalidClient(ReasonReplay, "the assertion was used before")
	default:
		return nil
	}
}
