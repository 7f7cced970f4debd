package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// tokenCommand is latchload token.
type tokenCommand struct {
	URL         string        `arg:"" help:"The server: http://127.0.0.1:8080."`
	KeyFile     string        `required:"" placeholder:"FILE" help:"File of the key that latchload seed has used."`
	Method      string        `default:"secret" enum:"secret,private_key_jwt,dpop" help:"How to ask: secret, private_key_jwt, or dpop for a secret and tokens bound to a key."`
	Credentials int64         `default:"10000" help:"How many credentials to use in turn."`
	Connections int           `default:"64" short:"c" help:"How many connections to keep busy."`
	Duration    time.Duration `default:"5s" short:"d" help:"For how long."`
	Count       int64         `default:"20000000" short:"n" help:"How many tokens at most."`
	Scope       string        `help:"Scope to ask for; without it, all that is granted."`
	VerifyEvery int64         `default:"100" help:"Verify the signature of every so manyth token; 1 verifies all."`
	Output      string        `default:"text" enum:"text,json" short:"o" help:"text or json."`
}

// Run asks for tokens.
func (c *tokenCommand) Run(ctx context.Context, stdout io.Writer) error {
	key, err := readSeedKey(c.KeyFile, false)
	if err != nil {
		return err
	}
	target, err := newTarget(c.URL)
	if err != nil {
		return err
	}
	measured, err := tokenLoad{
		load: load{target, c.Connections, c.Duration, c.Count}, key: key, method: c.Method, credentials: c.Credentials,
		scope: c.Scope, verifyEvery: c.VerifyEvery,
	}.run(ctx)
	if err != nil {
		return err
	}
	return print(stdout, c.Output, []string{"token"}, []*result{measured})
}

// tokenLoad asks for tokens as many credentials in turn.
type tokenLoad struct {
	load
	key         seedKey
	method      string
	credentials int64
	scope       string
	// verifyEvery is of how many tokens one has its signature verified.
	verifyEvery int64

	signers []jose.Signer // Of each credential, if the method signs.
}

// The ways to ask.
const (
	bySecret = "secret"
	byKey    = "private_key_jwt"
	byDPoP   = "dpop"
)

// keyID is that of every seeded key.
const keyID = "load"

// maxSamples bounds the tokens that are kept to be verified.
const maxSamples = 1 << 20

// run measures. Signatures are verified afterwards, outside the time that is measured.
func (l tokenLoad) run(ctx context.Context) (*result, error) {
	if l.credentials < 1 || l.verifyEvery < 1 || l.count/l.verifyEvery > maxSamples {
		return nil, fmt.Errorf("credentials and verify-every must be positive, and at most %d tokens are verified", maxSamples)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := l.makeSigners(); err != nil {
		return nil, err
	}
	seed := maphash.MakeSeed()
	tokens, callers := make([]*tokenCaller, l.connections), make([]caller, l.connections)
	for i := range callers {
		tokens[i] = &tokenCaller{load: &l, seed: seed}
		callers[i] = tokens[i]
	}
	r, err := l.load.run(ctx, callers)
	if err != nil {
		return nil, err
	}
	if repeated := repetitions(tokens); repeated > 0 {
		r.errors["a jti that was there before"] += repeated
	}
	wrong, err := l.verify(ctx, tokens)
	if wrong > 0 {
		r.errors["a token that does not verify"] += wrong
	}
	return r, err
}

// makeSigners makes what signs assertions (RFC 7523 §3) or proofs (RFC 9449 §4.2).
func (l *tokenLoad) makeSigners() error {
	options := (&jose.SignerOptions{}).WithType("JWT")
	switch l.method {
	case bySecret:
		return nil
	case byDPoP:
		options = (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	}
	for at := range l.credentials {
		key := jose.JSONWebKey{Key: l.key.privateKey(l.number(at)), KeyID: keyID}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
		if err != nil {
			return err
		}
		l.signers = append(l.signers, signer)
	}
	return nil
}

// number answers the number of the credential that makes the n-th request.
func (l *tokenLoad) number(n int64) int64 {
	if l.method == byKey {
		return keyed + n%l.credentials
	}
	return n % l.credentials
}

// sign answers a JWT of the credential that makes the n-th request, with an iat and a jti of its own.
func (l *tokenLoad) sign(n int64, claims map[string]any) string {
	claims["iat"], claims["jti"] = time.Now().Unix(), rand.Text()
	payload, err := json.Marshal(claims)
	if err == nil {
		var signed *jose.JSONWebSignature
		if signed, err = l.signers[n%l.credentials].Sign(payload); err == nil {
			var text string
			if text, err = signed.CompactSerialize(); err == nil {
				return text
			}
		}
	}
	panic(err) // Strings and numbers marshal, and a key in memory signs.
}

// tokenCaller asks for tokens on one connection.
type tokenCaller struct {
	load    *tokenLoad
	seed    maphash.Seed
	buffer  []byte
	payload []byte
	ids     []uint64 // The hash of each jti.
	samples []sample
}

// sample is a token that is kept to be verified.
type sample struct {
	credential int64
	token      string
}

func (c *tokenCaller) request(n int64) []byte {
	l := c.load
	number := l.number(n)
	id, endpoint, headers := l.key.id(number), l.base.String()+oauth.TokenPath, ""
	body := "grant_type=client_credentials"
	if l.scope != "" {
		body += "&scope=" + l.scope
	}
	if l.method == byKey {
		body += "&client_assertion_type=" + url.QueryEscape(oauth.AssertionType) + "&client_assertion=" + l.sign(n, map[string]any{
			"iss": id, "sub": id, "aud": l.base.String(), "exp": time.Now().Add(time.Minute).Unix(),
		})
	} else {
		headers = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+l.key.secret(number))) + "\r\n"
	}
	if l.method == byDPoP {
		headers += "DPoP: " + l.sign(n, map[string]any{"htm": http.MethodPost, "htu": endpoint}) + "\r\n"
	}
	c.buffer = fmt.Appendf(c.buffer[:0], "POST %s HTTP/1.1\r\nHost: %s\r\n%s"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		l.base.EscapedPath()+oauth.TokenPath, l.base.Host, headers, len(body), body)
	return c.buffer
}

func (c *tokenCaller) judge(n int64, status int, body []byte) string {
	if status != http.StatusOK {
		return fmt.Sprintf("status %d", status)
	}
	if c.load.method == byDPoP && !bytes.Contains(body, []byte(`"token_type":"DPoP"`)) {
		return "a token that is bound to no key"
	}
	_, rest, _ := bytes.Cut(body, []byte(`"access_token":"`))
	token, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return "no access_token"
	}
	_, encoded, _ := bytes.Cut(token, []byte("."))
	encoded, _, _ = bytes.Cut(encoded, []byte("."))
	var err error
	if c.payload, err = base64.RawURLEncoding.AppendDecode(c.payload[:0], encoded); err != nil {
		return "no JWT"
	}
	_, jti, _ := bytes.Cut(c.payload, []byte(`"jti":"`))
	jti, _, found = bytes.Cut(jti, []byte(`"`))
	if !found {
		return "no jti"
	}
	c.ids = append(c.ids, maphash.Bytes(c.seed, jti))
	if n%c.load.verifyEvery == 0 {
		c.samples = append(c.samples, sample{c.load.number(n), string(token)})
	}
	return ""
}

// repetitions answers how many tokens had the jti of another.
func repetitions(callers []*tokenCaller) (n int64) {
	var ids []uint64
	for _, c := range callers {
		ids = append(ids, c.ids...)
	}
	all := len(ids)
	slices.Sort(ids)
	return int64(all - len(slices.Compact(ids)))
}

// verify answers how many of the samples are no genuine token of the credential that asked.
func (l tokenLoad) verify(ctx context.Context, callers []*tokenCaller) (wrong int64, err error) {
	body, err := l.get(ctx, oauth.JWKSPath)
	if err != nil {
		return 0, err
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(body, &keys); err != nil {
		return 0, fmt.Errorf("reading the JWKS: %w", err)
	}
	for _, c := range callers {
		for _, s := range c.samples {
			if subject(keys, s.token) != l.key.id(s.credential) {
				wrong++
			}
		}
	}
	return wrong, ctx.Err()
}

// subject answers the sub of a token, or "" if it is not genuine.
func subject(keys jose.JSONWebKeySet, token string) string {
	signed, err := jose.ParseSignedCompact(token, oauth.SigningAlgorithms)
	if err != nil {
		return ""
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	for _, key := range keys.Key(signed.Signatures[0].Header.KeyID) {
		if payload, err := signed.Verify(key); err == nil && json.Unmarshal(payload, &claims) == nil {
			return claims.Subject
		}
	}
	return ""
}
