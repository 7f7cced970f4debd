package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// nonceLifetime is how long a nonce may be used, again and again: a proof made before is of no use after it.
const nonceLifetime = 5 * time.Minute

// newProofs makes the judge of DPoP proofs (RFC 9449), which demands nonces if there is a key for them.
func newProofs(config Config) (*bearer.Proofs, error) {
	of := bearer.ProofsConfig{Replays: config.Replays, Now: config.Now}
	if config.NonceKey != nil {
		nonces, err := bearer.NewSealedNonces(config.NonceKey, nonceLifetime, config.Now)
		if err != nil {
			return nil, err
		}
		of.Nonces = nonces
	}
	return bearer.NewProofs(of)
}

// Nonce answers the nonce that the next DPoP proof shall bear (RFC 9449 §8), or nothing if none is needed.
func (i *Issuer) Nonce() string { return i.proofs.Nonce() }

// judgeKey answers the key that the tokens of a client are to be bound to, nil for none, or why they are not.
func (i *Issuer) judgeKey(client *Client, headers []string) (*bearer.Proof, *Error) {
	if len(headers) == 0 {
		if client.DPoPRequired { // RFC 9449 §5.2.
			return nil, &Error{Code: InvalidDPoPProof, Description: "the client must send a DPoP proof", Reason: ReasonNoProof}
		}
		return nil, nil
	}
	// The URL is ours as the issuer names it: the Host header is the caller's.
	proof, err := i.proofs.Check(bearer.ProofRequest{Proofs: headers, Method: http.MethodPost, URL: i.url + TokenPath})
	if err != nil {
		return nil, refuseKey(err)
	}
	return &proof, nil
}

// confirmation is what binds the caller's tokens to its key (RFC 9449 §6.1) and its certificate (RFC 8705 §3.1), or
// nil.
func (c *Caller) confirmation() *bearer.Confirmation {
	if c.Key == nil && c.Certificate == nil {
		return nil
	}
	bound := new(bearer.Confirmation)
	if c.Key != nil {
		bound.Thumbprint = c.Key.Thumbprint
	}
	if c.Certificate != nil {
		bound.Certificate = bearer.CertificateThumbprint(c.Certificate)
	}
	return bound
}

// tokenType is the token_type of a token that is bound so (RFC 6749 §7.1, RFC 9449 §5).
func tokenType(bound *bearer.Confirmation) string {
	if bound == nil || bound.Thumbprint == "" {
		return "Bearer"
	}
	return "DPoP"
}

// spendKey notes that the proof of a key has been used, or answers that it had been (RFC 9449 §11.1). It comes when
// everything else is found good, so that nobody else can use up what a client has signed.
func (i *Issuer) spendKey(ctx context.Context, key *bearer.Proof) error {
	if key == nil {
		return nil
	}
	err := i.proofs.Use(ctx, *key)
	if refusal := refuseKey(err); refusal != nil {
		return refusal
	}
	return err
}

// refuseKey answers the refusal of a DPoP proof as the protocol writes it; nil if err is none. The client has proven
// itself, and is told why.
func refuseKey(err error) *Error {
	refusal, refused := errors.AsType[*bearer.Refusal](err)
	switch {
	case !refused:
		return nil
	case errors.Is(err, bearer.ErrUseNonce):
		return &Error{Code: UseDPoPNonce, Description: "the DPoP proof needs the nonce in the DPoP-Nonce header", Err: err}
	default:
		return &Error{Code: InvalidDPoPProof, Description: fmt.Sprintf("the DPoP proof is refused: %s", refusal.Reason), Err: err}
	}
}
