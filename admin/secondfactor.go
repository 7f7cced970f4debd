package admin

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/latchkey-auth/latchkey/oauth"
)

// SecondFactor is what an operator shows beside the password: a code of an authenticator app (RFC 6238) or, when that is
// lost, a recovery code.
type SecondFactor struct {
	// Key is shared with the app, in base32. It rests sealed.
	Key string
	// Step is that of the last code that was accepted. RFC 6238 §5.2: no code is accepted twice.
	Step int64
	// Recovery are the hashes of the recovery codes that are left. Each works once.
	Recovery []oauth.SecretHash
}

const (
	totpKeyBytes  = 20 // RFC 4226 §4: as long as the output of SHA-1.
	totpPeriod    = 30 // Seconds.
	recoveryCodes = 10
)

// Offer is a key for an authenticator app. It counts for nothing until the operator has enrolled it.
type Offer struct {
	Key string
	// URI is how apps are told of the key, and Image the same as a QR code: a data URL of a PNG.
	URI, Image string
}

// newOffer makes an offer for the account of an issuer.
func newOffer(issuer, account string) (*Offer, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account, SecretSize: totpKeyBytes, Rand: rand.Reader})
	if err != nil {
		return nil, fmt.Errorf("making a key for an authenticator app: %w", err)
	}
	const pixels = 240
	picture, err := key.Image(pixels, pixels)
	if err != nil {
		return nil, fmt.Errorf("drawing the key of an authenticator app: %w", err)
	}
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, picture); err != nil {
		return nil, fmt.Errorf("drawing the key of an authenticator app: %w", err)
	}
	image := "data:image/png;base64," + base64.StdEncoding.EncodeToString(drawn.Bytes())
	return &Offer{Key: key.Secret(), URI: key.URL(), Image: image}, nil
}

// newSecondFactor answers the second factor of a key that an app was given, and the recovery codes, to be shown once.
func newSecondFactor(key string) (*SecondFactor, []oauth.Plaintext) {
	factor := &SecondFactor{Key: key}
	codes := make([]oauth.Plaintext, recoveryCodes)
	for i := range codes {
		text := strings.ToLower(rand.Text()) // 130 bits; 80 are kept, for they may have to be typed.
		codes[i] = oauth.NewPlaintext(text[0:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:16])
		factor.Recovery = append(factor.Recovery, codes[i].Hash())
	}
	return factor, codes
}

// errBadKey: the key is not one that was offered.
var errBadKey = errors.New("the key is not one of an authenticator app")

// accept reports whether the code is right now, and sees to it that it never is again. The clocks of the app and of the
// server may differ by one step (RFC 6238 §6).
func (f *SecondFactor) accept(code string, now time.Time) (recovery, ok bool) {
	code = strings.ToLower(strings.Join(strings.Fields(code), ""))
	step := now.Unix() / totpPeriod
	for _, candidate := range []int64{step - 1, step, step + 1} {
		right, err := f.codeAt(candidate)
		if err == nil && candidate > f.Step && subtle.ConstantTimeCompare([]byte(code), []byte(right)) == 1 {
			f.Step = candidate
			return false, true
		}
	}
	at := slices.Index(f.Recovery, oauth.NewPlaintext(code).Hash())
	if at < 0 {
		return false, false
	}
	f.Recovery = slices.Delete(slices.Clone(f.Recovery), at, at+1)
	return true, true
}

// codeAt answers the code of a step.
func (f *SecondFactor) codeAt(step int64) (string, error) {
	code, err := totp.GenerateCodeCustom(f.Key, time.Unix(step*totpPeriod, 0), totp.ValidateOpts{
		Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return "", errBadKey
	}
	return code, nil
}
