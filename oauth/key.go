package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// SigningAlgorithms are the algorithms that tokens can be signed with (RFC 7518 §3.1, RFC 8037 §3.1).
var SigningAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256}

// SigningKey is a key pair that signs tokens, with its life: published from CreatedAt, signing from ActiveFrom
// until RetiredFrom, and gone from GoneFrom on. The times are set ahead, so that every replica changes from one key
// to the next by its clock alone.
type SigningKey struct {
	// ID is the kid: the RFC 7638 thumbprint of the public key, base64url.
	ID string
	// Algorithm is the one algorithm the key is used for.
	Algorithm jose.SignatureAlgorithm
	Public    crypto.PublicKey
	// Private signs. It rests sealed or in a security module, and never leaves the process. It is nil where it
	// cannot be opened: there the key only verifies.
	Private     crypto.Signer
	CreatedAt   time.Time
	ActiveFrom  time.Time
	RetiredFrom time.Time // Zero until its successor is made.
	GoneFrom    time.Time // Zero until its successor is made.
}

// KeyState is where a SigningKey is in its life.
type KeyState string

// The states in their order: published but not yet signing; signing; no longer signing but still published, for the
// tokens it signed; neither.
const (
	KeyNext    KeyState = "next"
	KeyActive  KeyState = "active"
	KeyRetired KeyState = "retired"
	KeyGone    KeyState = "gone"
)

// State answers where the key is in its life at this time.
func (k *SigningKey) State(now time.Time) KeyState {
	switch {
	case !k.GoneFrom.IsZero() && !now.Before(k.GoneFrom):
		return KeyGone
	case !k.RetiredFrom.IsZero() && !now.Before(k.RetiredFrom):
		return KeyRetired
	case now.Before(k.ActiveFrom):
		return KeyNext
	default:
		return KeyActive
	}
}

// KeyMaker makes key pairs. [LocalKeys] makes them in this process; a security module makes them where they stay.
type KeyMaker interface {
	// MakeKey makes a key pair for an algorithm. If the private half does not leave the maker, the signer is an
	// [ExternalSigner].
	MakeKey(algorithm jose.SignatureAlgorithm) (crypto.Signer, error)
}

// ExternalSigner is a signer whose private half rests in a security module and never in the database.
type ExternalSigner interface {
	crypto.Signer
	// Reference is what the module finds the key pair by. It is not secret.
	Reference() string
}

// SecurityModule keeps private keys where they never leave: a hardware security module or a key management service.
// Its signers are called for every token, and must give up by themselves if the module does not answer.
type SecurityModule interface {
	KeyMaker
	// Name tells one module from another, and never changes.
	Name() string
	// FindKey answers the signer that an [ExternalSigner.Reference] of this module stands for.
	FindKey(reference string, public crypto.PublicKey) (crypto.Signer, error)
}

// LocalKeys makes key pairs in this process.
type LocalKeys struct {
	// RSABits is the size of RSA keys: from 2048 to 4096.
	RSABits int
}

// MakeKey implements [KeyMaker].
//
// The key's id does not begin with a dash: at a command line it would be taken for an option.
func (l LocalKeys) MakeKey(algorithm jose.SignatureAlgorithm) (crypto.Signer, error) {
	for {
		private, err := l.drawKey(algorithm)
		if err != nil {
			return nil, err
		}
		id, err := keyID(private.Public())
		if err != nil || !strings.HasPrefix(id, "-") {
			return private, err
		}
	}
}

func (l LocalKeys) drawKey(algorithm jose.SignatureAlgorithm) (crypto.Signer, error) {
	switch algorithm {
	case jose.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case jose.RS256, jose.PS256:
		return rsa.GenerateKey(rand.Reader, l.RSABits)
	default:
		return nil, fmt.Errorf("there are no keys for the algorithm %q", algorithm)
	}
}

// NewSigningKey makes a key that is published from now on and signs from activeFrom.
func NewSigningKey(maker KeyMaker, algorithm jose.SignatureAlgorithm, now, activeFrom time.Time) (SigningKey, error) {
	private, err := maker.MakeKey(algorithm)
	if err != nil {
		return SigningKey{}, fmt.Errorf("making a signing key for %s: %w", algorithm, err)
	}
	id, err := keyID(private.Public())
	if err != nil {
		return SigningKey{}, fmt.Errorf("making a signing key for %s: %w", algorithm, err)
	}
	return SigningKey{
		ID: id, Algorithm: algorithm, Public: private.Public(), Private: private, CreatedAt: now, ActiveFrom: activeFrom,
	}, nil
}

// keyID answers the RFC 7638 thumbprint of a public key, base64url.
func keyID(public crypto.PublicKey) (string, error) {
	key := jose.JSONWebKey{Key: public}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(thumbprint), err
}

// public answers the key as the JWKS publishes it (RFC 7517 §4). It is built from the public half alone:
// marshalling a JSONWebKey that holds a private key would print it.
func (k *SigningKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Public, KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
}
