package endpoint

import (
	"bytes"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Introspect answers POST /oauth/introspect (RFC 7662 §2), signed if that is what the caller accepts (RFC 9701 §4).
func (e *Endpoint) Introspect(c *gin.Context) {
	caller, token, err := e.readToken(c)
	if err != nil {
		Fail(c, err)
		return
	}
	answer, err := e.issuer.Introspect(c.Request.Context(), caller, token)
	if err != nil {
		Fail(c, err)
		return
	}
	noStore(c)
	c.Header("Vary", "Accept")
	if !acceptsSigned(c.Request) {
		c.PureJSON(http.StatusOK, answer)
		return
	}
	signed, err := e.issuer.SignIntrospection(caller, answer)
	if err != nil {
		Fail(c, err)
		return
	}
	c.Data(http.StatusOK, signedIntrospection, signed)
}

const signedIntrospection = "application/" + oauth.IntrospectionType

// acceptsSigned reports whether the caller names the signed form, and wants it no less than the plain one.
func acceptsSigned(request *http.Request) bool {
	signed, named := wanted(request, signedIntrospection)
	plain, _ := wanted(request, "application/json")
	return named && signed > 0 && signed >= plain
}

// Revoke answers POST /oauth/revoke (RFC 7009 §2): the same whether or not there was anything to revoke.
func (e *Endpoint) Revoke(c *gin.Context) {
	caller, token, err := e.readToken(c)
	if err == nil {
		err = e.issuer.Revoke(c.Request.Context(), caller, token, c.GetString("request_id"))
	}
	if err != nil {
		Fail(c, err)
		return
	}
	noStore(c)
	c.Status(http.StatusOK)
}

// readToken reads a request about a token, and authenticates the client that makes it. A token_type_hint is of no use:
// all our tokens are of one type.
func (e *Endpoint) readToken(c *gin.Context) (caller oauth.Caller, token string, err error) {
	parameters, proof, err := readRequestOf(c, new(bytes.Buffer))
	if err != nil {
		return oauth.Caller{}, "", err
	}
	if caller, err = e.identify(c.Request.Context(), proof, e.issuer.Identify); err != nil {
		return oauth.Caller{}, "", err
	}
	c.Set("client_id", caller.ID)
	if token = parameters.get("token"); token == "" {
		return oauth.Caller{}, "", invalidRequest("the token is missing")
	}
	return caller, token, nil
}
