package endpoint

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Token answers POST /oauth/token (RFC 6749 §4.4). The client is authenticated before anything else it says is
// judged, so that a stranger learns nothing from the rest.
func (e *Endpoint) Token(c *gin.Context) {
	buffer := e.buffers.Get().(*bytes.Buffer)
	defer e.buffers.Put(buffer)
	parameters, proof, err := readRequestOf(c, buffer, "resource", "audience")
	if err != nil {
		Fail(c, err)
		return
	}
	proof.DPoP = c.Request.Header.Values("DPoP")
	if nonce := e.issuer.Nonce(); nonce != "" {
		c.Header("DPoP-Nonce", nonce) // RFC 9449 §8: for the next request, or for this one again.
	}
	token, err := e.exchange(c, proof, parameters)
	if err != nil {
		Fail(c, err)
		return
	}
	noStore(c)
	buffer.Reset()
	buffer.Write(token.AppendJSON(buffer.AvailableBuffer()))
	c.Data(http.StatusOK, "application/json; charset=utf-8", buffer.Bytes())
}

// readRequestOf reads what a client sends, by way of a buffer, and how it proves that it does.
func readRequestOf(c *gin.Context, buffer *bytes.Buffer, repeatable ...string) (parameters form, proof oauth.Proof, err error) {
	if parameters, err = readForm(c.Request, buffer, repeatable...); err != nil {
		return nil, oauth.Proof{}, err
	}
	proof, err = readProof(c.Request, parameters)
	proof.From, _ = netip.ParseAddr(c.ClientIP())
	return parameters, proof, err
}

// exchange answers the token for a proof, and has the ledger note whatever comes of it. The log names the client only
// if there is one: in the place of an id a stranger may have sent a secret.
func (e *Endpoint) exchange(c *gin.Context, proof oauth.Proof, parameters form) (token oauth.Token, err error) {
	ctx := c.Request.Context()
	if e.mayOutlast(proof) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.limits.Timeout)
		defer cancel()
	}
	var caller oauth.Caller
	defer func() {
		if client := e.issuer.Record(caller, proof.From, parameters.asked(), token, err); client != nil {
			c.Set("client_id", client.ID)
		}
	}()
	if caller, err = e.identify(ctx, proof, e.issuer.Authenticate); err != nil {
		return token, err
	}
	if err = e.limits.check(caller.ID); err != nil {
		return token, err
	}
	asked, err := readRequest(parameters)
	if err == nil {
		token, err = e.issuer.Issue(ctx, caller, asked)
	}
	e.limits.count(caller.ID, err)
	return token, err
}

// mayOutlast reports whether a request needs a deadline, to take no longer than the Timeout. A request by secret waits for
// the memory of the database alone, which has limits of its own: over paired runs, its token took 4 % less of the processor
// without.
func (e *Endpoint) mayOutlast(proof oauth.Proof) bool {
	return proof.Method != oauth.AuthSecret || len(proof.DPoP) > 0 || e.limits.MemoryTimeout > e.limits.Timeout
}

// identify authenticates a client by one of the issuer's ways to do so, and holds it against who fails too often.
func (e *Endpoint) identify(
	ctx context.Context, proof oauth.Proof, authenticate func(context.Context, oauth.Proof) (oauth.Caller, error),
) (oauth.Caller, error) {
	caller, err := authenticate(ctx, proof)
	var refusal *oauth.Error
	if e.limits.Backoff != nil && errors.As(err, &refusal) && refusal.Code == oauth.InvalidClient {
		if wait := e.limits.Backoff.fail(proof.From, proof.ClientID); wait > 0 {
			return oauth.Caller{}, &slowDownError{wait, err}
		}
	}
	return caller, err
}

// slowDownError is a refusal of authentication that was one too many.
type slowDownError struct {
	wait    time.Duration
	refusal error
}

func (e *slowDownError) Error() string { return "slowed down: " + e.refusal.Error() }
func (e *slowDownError) Unwrap() error { return e.refusal }

// asked answers what the request asks for, unjudged.
func (f form) asked() oauth.Asked {
	// "audience" is the older spelling of RFC 8707's resource.
	return oauth.Asked{Scope: f.get("scope"), Resources: slices.Concat(f["resource"], f["audience"]), Details: f.get("authorization_details")}
}

// readProof finds the one way in which the request authenticates its client (RFC 6749 §2.3: never more than one).
func readProof(request *http.Request, parameters form) (oauth.Proof, error) {
	proof := oauth.Proof{
		Method:   oauth.AuthSecret,
		ClientID: parameters.get("client_id"),
		Secret:   oauth.NewPlaintext(parameters.get("client_secret")),
	}
	headers := request.Header.Values("Authorization")
	asserted := parameters.has("client_assertion") || parameters.has("client_assertion_type")
	switch {
	case len(headers) > 1:
		return oauth.Proof{}, invalidRequest("there is more than one Authorization header")
	case asserted && (len(headers) > 0 || parameters.has("client_secret")):
		return oauth.Proof{}, invalidRequest("the client authenticates in more than one way")
	case asserted && parameters.get("client_assertion_type") != oauth.AssertionType:
		return oauth.Proof{}, noProof("missing or unsupported client_assertion_type")
	case asserted:
		return oauth.NewAssertionProof(proof.ClientID, parameters.get("client_assertion")), nil
	case len(headers) == 0 && proof.ClientID != "" && !parameters.has("client_secret") && certified(request):
		// RFC 8705 §2: the client_id says whose the certificate is.
		return oauth.Proof{Method: oauth.AuthTLS, ClientID: proof.ClientID, Certificates: request.TLS.PeerCertificates}, nil
	case len(headers) == 0:
		if proof.ClientID == "" || !parameters.has("client_secret") {
			return oauth.Proof{}, noProof("no client authentication")
		}
		return proof, nil
	}
	id, secret, err := readBasic(headers[0])
	switch {
	case err != nil:
		return oauth.Proof{}, err
	case parameters.has("client_secret"):
		return oauth.Proof{}, invalidRequest("the client authenticates in more than one way")
	case proof.ClientID != "" && proof.ClientID != id:
		return oauth.Proof{}, invalidRequest("the client_id is not the one in the Authorization header")
	}
	proof.ClientID, proof.Secret = id, oauth.NewPlaintext(secret)
	return proof, nil
}

// certified reports whether the request came with a certificate: in this connection's TLS or, as the server has put it
// there, in that of a trusted proxy.
func certified(request *http.Request) bool {
	return request.TLS != nil && len(request.TLS.PeerCertificates) > 0
}

// readBasic reads HTTP Basic, of which both halves are form-encoded (RFC 6749 §2.3.1).
func readBasic(header string) (id, secret string, err error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", noProof("unsupported authentication scheme")
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", noProof("malformed Basic credentials")
	}
	id, secret, found := strings.Cut(string(decoded), ":")
	if !found {
		return "", "", noProof("malformed Basic credentials")
	}
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if idErr != nil || secretErr != nil {
		return "", "", noProof("Basic credentials that are not form-encoded")
	}
	return id, secret, nil
}

// noProof is the answer to a request that proves no client: the same as to one that proves it wrongly.
func noProof(cause string) error { return oauth.RefuseClient(errors.New(cause)) }

// readRequest reads what an authenticated client asks for.
func readRequest(parameters form) (oauth.Request, error) {
	switch parameters.get("grant_type") {
	case "client_credentials":
	case "":
		return oauth.Request{}, invalidRequest("the grant_type is missing")
	default:
		return oauth.Request{}, &oauth.Error{Code: oauth.UnsupportedGrantType, Description: "the grant_type must be client_credentials"}
	}
	scope, err := oauth.ParseScope(parameters.get("scope"))
	if err != nil {
		return oauth.Request{}, err
	}
	details, err := oauth.ParseDetails(parameters.get("authorization_details"))
	if err != nil {
		return oauth.Request{}, err
	}
	asked := oauth.Request{Scope: scope, Details: details}
	for _, resource := range parameters.asked().Resources {
		if !slices.Contains(asked.Resources, resource) {
			asked.Resources = append(asked.Resources, resource)
		}
	}
	return asked, nil
}
