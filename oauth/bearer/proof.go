package bearer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// ProofType is the typ header of a DPoP proof (RFC 9449 §4.2).
const ProofType = "dpop+jwt"

// The largest proof and the longest jti that are read, in bytes. The jti is kept only as a hash.
const (
	maxProofBytes = 8 << 10
	maxProofID    = 256
)

// ProofsConfig is what Proofs are made of. Every field may be left out.
type ProofsConfig struct {
	// Algorithms are those that are accepted; nil: ES256, EdDSA, Ed25519, RS256 and PS256.
	Algorithms []jose.SignatureAlgorithm
	// Window is how far a proof's iat may lie from our clock, before or after; 0: a minute.
	Window time.Duration
	// Replays remembers proofs; nil: a memory of this process for a million of them. Several processes that stand
	// for one resource need one memory together, or a proof can be used once at each.
	Replays Replays
	// Nonces makes clients use nonces of ours (RFC 9449 §8); nil: they need none.
	Nonces Nonces
	// Now answers the time; nil: [time.Now].
	Now func() time.Time
}

// Replays remembers which proofs have been used.
type Replays interface {
	// Use marks the id as used until the time, and reports whether it was not used before. Of several calls with
	// one id, at once or on several replicas, one reports true. An error means that it could not be told.
	Use(ctx context.Context, id string, until time.Time) (bool, error)
}

// Nonces makes nonces and knows its own.
type Nonces interface {
	// Next answers the nonce that a client shall use, of the characters of RFC 9449 §8.1.
	Next() string
	// Valid reports whether the nonce is one of ours and recent.
	Valid(nonce string) bool
}

// Proofs verifies DPoP proofs (RFC 9449 §4.3), for a resource server or a token endpoint: [Proofs.Check] judges
// one, and [Proofs.Use] spends it, after everything else about the request is found good. It is safe for concurrent
// use.
type Proofs struct {
	config ProofsConfig
}

// NewProofs makes Proofs and checks their config.
func NewProofs(config ProofsConfig) (*Proofs, error) {
	var err error
	if config.Algorithms, err = checkAlgorithms(config.Algorithms); err != nil {
		return nil, err
	}
	orElse(&config.Window, time.Minute)
	if config.Window < time.Second || config.Window > time.Hour {
		return nil, errors.New("the window of proofs must be between a second and an hour")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Replays == nil {
		config.Replays = NewReplayMemory(1<<20, config.Now)
	}
	return &Proofs{config}, nil
}

// ProofRequest is a request that a proof came with.
type ProofRequest struct {
	// Proofs are the values of the DPoP header, of which there must be one.
	Proofs []string
	Method string
	// URL is the request's, as the client wrote it; its query and fragment do not count.
	URL string
	// AccessToken is the token that was presented with the proof; empty at a token endpoint.
	AccessToken string
}

// Proof is a proof that was found good, and is not yet spent.
type Proof struct {
	// Thumbprint is that of the proven key (RFC 7638), the jkt of tokens bound to it.
	Thumbprint string
	id         string
	until      time.Time
}

// proofClaims are those of RFC 9449 §4.2.
type proofClaims struct {
	ID     string `json:"jti"`
	Method string `json:"htm"`
	URL    string `json:"htu"`
	Token  string `json:"ath"`
	Nonce  string `json:"nonce"`
	// NumericDates, which need not be whole (RFC 7519 §2).
	IssuedAt  float64  `json:"iat"`
	ExpiresAt *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
}

// Check judges a proof in the order of RFC 9449 §4.3. A refusal is a [*Refusal] that wraps [ErrInvalidProof] or
// [ErrUseNonce].
func (p *Proofs) Check(request ProofRequest) (Proof, error) {
	switch {
	case len(request.Proofs) == 0:
		return Proof{}, refuseProof("no proof")
	case len(request.Proofs) > 1:
		return Proof{}, refuseProof("more than one proof")
	case len(request.Proofs[0]) > maxProofBytes:
		return Proof{}, refuseProoff("too long", "%d bytes", len(request.Proofs[0]))
	}
	jws, key, err := p.open(request.Proofs[0])
	if err != nil {
		return Proof{}, err
	}
	var claims proofClaims
	if err := json.Unmarshal(jws.payload, &claims); err != nil {
		return Proof{}, refuseProof("malformed claims")
	}
	if err := p.checkClaims(&claims, request); err != nil {
		return Proof{}, err
	}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return Proof{}, refuseProof("malformed key")
	}
	jkt := base64.RawURLEncoding.EncodeToString(thumbprint)
	// §11.1: the memory keeps a jti for as long as the proof could come again, apart from those of other keys. The
	// hash makes ids of one size, whatever the client wrote.
	id := sha256.Sum256([]byte(jkt + "." + claims.ID))
	return Proof{
		Thumbprint: jkt,
		id:         base64.RawURLEncoding.EncodeToString(id[:]),
		until:      time.Unix(int64(claims.IssuedAt), 0).Add(p.config.Window + time.Second).UTC(),
	}, nil
}

// open verifies a proof's signature by the key that it brings along.
func (p *Proofs) open(text string) (compact, jose.JSONWebKey, error) {
	refused := func(err error) (compact, jose.JSONWebKey, error) { return compact{}, jose.JSONWebKey{}, err }
	jws, err := splitCompact(text)
	if err != nil {
		return refused(refuseProof("not a compact JWS"))
	}
	header, err := parseHeader(jws.header)
	switch {
	case err != nil:
		return refused(refuseProof("malformed header"))
	case !header.isType(ProofType):
		return refused(refuseProoff("wrong type", "got %q, want %q", clip(header.Type), ProofType))
	case !slices.Contains(p.config.Algorithms, header.Algorithm):
		return refused(refuseProoff("algorithm not allowed", "%q", clip(string(header.Algorithm))))
	case header.Critical != nil:
		return refused(refuseProof("critical header parameters"))
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(header.Key); err != nil {
		return refused(refuseProof("malformed key"))
	}
	if err := checkProofKey(header.Key, header.Algorithm); err != nil {
		return refused(err)
	}
	if !key.IsPublic() {
		return refused(refuseProof("the key is not public"))
	}
	if !strong(key.Key) {
		return refused(refuseProof("weak key"))
	}
	if !jws.verify(header.Algorithm, key.Key) {
		return refused(refuseProof("bad signature"))
	}
	return jws, key, nil
}

// checkProofKey judges what a key says of itself (RFC 7517 §4.2 to §4.4): it must be for verifying such proofs, and no
// private part of it may be there, whatever that holds (RFC 9449 §4.3).
func checkProofKey(text []byte, algorithm jose.SignatureAlgorithm) error {
	var said struct {
		Algorithm  string   `json:"alg"`
		Use        string   `json:"use"`
		Operations []string `json:"key_ops"`
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &said) != nil || json.Unmarshal(text, &members) != nil {
		return refuseProof("malformed key")
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518 §6.
		if _, present := members[private]; present {
			return refuseProof("the key is not public")
		}
	}
	switch {
	case said.Algorithm != "" && said.Algorithm != string(algorithm):
		return refuseProoff("the key is for another algorithm", "%q", clip(said.Algorithm))
	case said.Use != "" && said.Use != "sig", said.Operations != nil && !slices.Contains(said.Operations, "verify"):
		return refuseProof("the key is not for verifying")
	}
	return nil
}

// ago is a difference of NumericDates for reading, as far as a Duration goes.
func ago(difference float64) time.Duration { return seconds(int64(min(max(difference, 0), 1<<32))) }

func (p *Proofs) checkClaims(claims *proofClaims, request ProofRequest) error {
	now, window := float64(p.config.Now().Unix()), p.config.Window.Seconds()
	off := claims.IssuedAt - now
	switch {
	case claims.ID == "" || len(claims.ID) > maxProofID:
		return refuseProof("its jti is missing or too long")
	case claims.Method != request.Method:
		return refuseProoff("wrong method", "got %q, want %q", clip(claims.Method), clip(request.Method))
	case !sameURL(claims.URL, request.URL):
		return refuseProoff("wrong URL", "got %q, want %q", clip(claims.URL), clip(request.URL))
	case p.config.Nonces != nil && claims.Nonce == "":
		return &Refusal{Kind: ErrUseNonce, Reason: "no nonce"}
	case p.config.Nonces != nil && !p.config.Nonces.Valid(claims.Nonce):
		return &Refusal{Kind: ErrUseNonce, Reason: "the nonce is too old or not ours"}
	case off < -window || off > window:
		return refuseProoff("not of now", "made %v ago, or %v ahead", ago(-off), ago(off))
	case claims.ExpiresAt != nil && *claims.ExpiresAt <= now-window: // RFC 7519 §4.1.4.
		return refuseProof("expired")
	case claims.NotBefore != nil && *claims.NotBefore > now+window: // RFC 7519 §4.1.5.
		return refuseProof("not valid yet")
	case request.AccessToken == "":
		return nil
	}
	hash := sha256.Sum256([]byte(request.AccessToken))
	if want := base64.RawURLEncoding.EncodeToString(hash[:]); subtle.ConstantTimeCompare([]byte(claims.Token), []byte(want)) != 1 {
		return refuseProof("made for another token")
	}
	return nil
}

// Use spends the proof: of several calls with one proof, one succeeds. A refusal wraps [ErrInvalidProof]; any other
// error means that the memory could not be asked.
func (p *Proofs) Use(ctx context.Context, proof Proof) error {
	unused, err := p.config.Replays.Use(ctx, proof.id, proof.until)
	if err != nil {
		return fmt.Errorf("remembering a DPoP proof: %w", err)
	}
	if !unused {
		return refuseProof("used before")
	}
	return nil
}

// Algorithms are the names of the algorithms that are accepted, for metadata and challenges.
func (p *Proofs) Algorithms() []string {
	names := make([]string, len(p.config.Algorithms))
	for i, algorithm := range p.config.Algorithms {
		names[i] = string(algorithm)
	}
	return names
}

// Nonce answers the nonce that the next proof shall bear, for the DPoP-Nonce header, or nothing if none is needed.
func (p *Proofs) Nonce() string {
	if p.config.Nonces == nil {
		return ""
	}
	return p.config.Nonces.Next()
}
