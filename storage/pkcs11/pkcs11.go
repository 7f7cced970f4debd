//go:build pkcs11

package pkcs11

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"github.com/ThalesGroup/crypto11"
	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Token is a token of a hardware security module. It is an [oauth.SecurityModule].
type Token struct {
	context *crypto11.Context
	rsaBits int
}

// Open opens the token. Close must be called in the end.
func Open(config Config) (oauth.SecurityModule, io.Closer, error) {
	context, err := crypto11.Configure(&crypto11.Config{Path: config.Library, TokenLabel: config.Token, Pin: config.PIN})
	if err != nil {
		return nil, nil, fmt.Errorf("opening the PKCS #11 token %q: %w", config.Token, err)
	}
	return &Token{context: context, rsaBits: config.RSABits}, context, nil
}

// Name implements [oauth.SecurityModule].
func (*Token) Name() string { return "pkcs11" }

// MakeKey implements [oauth.KeyMaker].
func (t *Token) MakeKey(algorithm jose.SignatureAlgorithm) (crypto.Signer, error) {
	label := oauth.NewID("latchkey")
	var (
		made crypto.Signer
		err  error
	)
	switch algorithm {
	case jose.ES256:
		made, err = t.context.GenerateECDSAKeyPairWithLabel([]byte(label), []byte(label), elliptic.P256())
	case jose.RS256, jose.PS256:
		made, err = t.context.GenerateRSAKeyPairWithLabel([]byte(label), []byte(label), t.rsaBits)
	default:
		err = fmt.Errorf("keys for the algorithm %q are not supported", algorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("making a key in the PKCS #11 token: %w", err)
	}
	return &signer{Signer: made, label: label}, nil
}

// FindKey implements [oauth.SecurityModule].
func (t *Token) FindKey(reference string, _ crypto.PublicKey) (crypto.Signer, error) {
	found, err := t.context.FindKeyPair(nil, []byte(reference))
	if err == nil && found == nil {
		err = errors.New("it is not there")
	}
	if err != nil {
		return nil, fmt.Errorf("finding the key %s in the PKCS #11 token: %w", reference, err)
	}
	return &signer{Signer: found, label: reference}, nil
}

// signer is one key pair of the token.
type signer struct {
	crypto.Signer
	label string
}

// Reference implements [oauth.ExternalSigner].
func (s *signer) Reference() string { return s.label }

// Sign implements crypto.Signer.
func (s *signer) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	if pss, isPSS := options.(*rsa.PSSOptions); isPSS {
		// RFC 7518 §3.5: the salt is as long as the hash.
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: pss.Hash}
	}
	return s.Signer.Sign(random, digest, options)
}
