package oauth

import (
	"errors"
	"maps"
	"net/netip"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// proofClaims are those of a good proof at the token endpoint of testIssuer.
func proofClaims(change map[string]any) map[string]any {
	claims := map[string]any{
		"jti": "first", "htm": "POST", "htu": "https://latchkey.example/oauth/token", "iat": testTime.Unix(),
	}
	maps.Copy(claims, change)
	return claims
}

func expectCode(t *testing.T, err error, want Code) {
	t.Helper()
	if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Code != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

// TestBoundTokens: a token that was asked for with a proof is bound to its key, and one without is not. A proof
// is good once.
func TestBoundTokens(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	holder := bearertest.New(t).NewHolder()
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text}
	token, err := request(t, issuer, proof, "")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := issuer.verifier.For("https://a.example").Read(t.Context(), token.Access)
	if err != nil || token.Type != "Bearer" || claims.Confirmation != nil {
		t.Errorf("without a proof: %v %q %v", err, token.Type, claims.Confirmation)
	}

	proof.DPoP = []string{holder.Sign(proofClaims(nil))}
	if token, err = request(t, issuer, proof, ""); err != nil {
		t.Fatal(err)
	}
	claims, err = issuer.verifier.For("https://a.example").Read(t.Context(), token.Access)
	if err != nil || token.Type != "DPoP" || *claims.Confirmation != (bearer.Confirmation{Thumbprint: holder.Thumbprint()}) {
		t.Errorf("with a proof: %v %q %+v", err, token.Type, claims.Confirmation)
	}
	_, err = request(t, issuer, proof, "")
	expectCode(t, err, InvalidDPoPProof)
}

// TestRefusedProofs: what is wrong with a proof is told to the client that has proven itself, and to nobody else.
func TestRefusedProofs(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	holder := bearertest.New(t).NewHolder()
	good := holder.Sign(proofClaims(nil))
	for name, headers := range map[string][]string{
		"two":             {good, good},
		"empty":           {""},
		"other endpoint":  {holder.Sign(proofClaims(map[string]any{"htu": "https://other.example/oauth/token"}))},
		"other method":    {holder.Sign(proofClaims(map[string]any{"htm": "GET"}))},
		"too old":         {holder.Sign(proofClaims(map[string]any{"iat": testTime.Unix() - 61}))},
		"from the future": {holder.Sign(proofClaims(map[string]any{"iat": testTime.Unix() + 61}))},
		"no jti":          {holder.Sign(proofClaims(map[string]any{"jti": ""}))},
		"in a list":       {good + ", " + good},
	} {
		t.Run(name, func(t *testing.T) {
			proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, DPoP: headers}
			_, err := request(t, issuer, proof, "")
			expectCode(t, err, InvalidDPoPProof)
			proof.Secret = NewPlaintext("wrong")
			_, err = request(t, issuer, proof, "")
			expectReason(t, err, ReasonSecret)
		})
	}
}

// TestProofIsSpentLast: a request that is refused for something else leaves its proof good, and its assertion; and what
// was sent before uses up no quota.
func TestProofIsSpentLast(t *testing.T) {
	client, signer := keyClient(t)
	issuer, _ := testIssuer(t, client)
	holder := bearertest.New(t).NewHolder()
	proof := NewAssertionProof("", signer.sign(t))
	proof.DPoP = []string{holder.Sign(proofClaims(map[string]any{"htm": "PUT"}))}
	_, err := request(t, issuer, proof, "")
	expectCode(t, err, InvalidDPoPProof)

	proof.DPoP = []string{holder.Sign(proofClaims(nil))}
	_, err = request(t, issuer, proof, "nothing:here")
	expectCode(t, err, InvalidScope)
	client.Quota.PerDay = 2
	if _, err := request(t, issuer, proof, ""); err != nil {
		t.Errorf("the proof was spent by a refusal: %v", err)
	}

	// A proof that was used before uses up no assertion.
	used := proof.DPoP
	proof = NewAssertionProof("", signer.with(map[string]any{"jti": "second"}).sign(t))
	proof.DPoP = used
	_, err = request(t, issuer, proof, "")
	expectCode(t, err, InvalidDPoPProof)
	proof.DPoP = []string{holder.Sign(proofClaims(map[string]any{"jti": "second"}))}
	if _, err := request(t, issuer, proof, ""); err != nil {
		t.Errorf("the assertion was spent by a refusal: %v", err)
	}
	proof = NewAssertionProof("", signer.with(map[string]any{"jti": "third"}).sign(t))
	proof.DPoP = used
	_, err = request(t, issuer, proof, "")
	expectCode(t, err, SlowDown)
	client.Quota.PerDay = 3
	proof.DPoP = nil
	if _, err := request(t, issuer, proof, ""); err != nil {
		t.Error(err)
	}
}

// TestProofRequired: a client that must send a proof gets nothing without.
func TestProofRequired(t *testing.T) {
	client := activeClient()
	client.DPoPRequired = true
	issuer, text := testIssuer(t, client)
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text}
	_, err := request(t, issuer, proof, "")
	expectCode(t, err, InvalidDPoPProof)
	if refusals := flushed(t, issuer.Ledger()).Refusals; len(refusals) != 1 || refusals[0].Reason != ReasonNoProof {
		t.Errorf("the administrator is told %+v", refusals)
	}
	proof.Secret = NewPlaintext("wrong")
	_, err = request(t, issuer, proof, "")
	expectReason(t, err, ReasonSecret)
	proof.Secret = text
	proof.DPoP = []string{bearertest.New(t).NewHolder().Sign(proofClaims(nil))}
	if _, err := request(t, issuer, proof, ""); err != nil {
		t.Error(err)
	}
}

// TestNonces: where nonces are demanded, a proof without a good one is sent back for one; that is no refusal which
// an administrator has to look at.
func TestNonces(t *testing.T) {
	client := activeClient()
	issuer, text := testIssuer(t, client)
	if issuer.Nonce() != "" {
		t.Error("a nonce is offered that nobody needs")
	}
	config := Config{Replays: issuer.replays, NonceKey: make([]byte, 32), Now: issuer.now}
	var err error
	if issuer.proofs, err = newProofs(config); err != nil {
		t.Fatal(err)
	}
	holder := bearertest.New(t).NewHolder()
	from := netip.MustParseAddr("192.0.2.1")
	for _, nonce := range []string{"", "made-up"} {
		proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, From: from,
			DPoP: []string{holder.Sign(proofClaims(map[string]any{"nonce": nonce}))}}
		_, err := request(t, issuer, proof, "")
		expectCode(t, err, UseDPoPNonce)
	}
	var sink usageSink
	if err := issuer.Ledger().Flush(t.Context(), &sink); err != nil || sink.batches != nil {
		t.Errorf("noted: %+v %v", sink.batches, err)
	}
	proof := Proof{ClientID: client.ID, Method: AuthSecret, Secret: text, From: from,
		DPoP: []string{holder.Sign(proofClaims(map[string]any{"nonce": issuer.Nonce()}))}}
	if _, err := request(t, issuer, proof, ""); err != nil {
		t.Error(err)
	}
}
