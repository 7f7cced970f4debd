package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// cookie is how a browser holds a session. Scripts cannot read it, and requests of other sites do not carry it.
type cookie struct {
	name   string
	secure bool
	// sameSite is strict but where another site must lead back to here.
	sameSite http.SameSite
}

// cookieOf names the cookie. A browser takes one with the prefix __Host- only from the host itself and by TLS
// (RFC 6265bis §4.1.3.2), which there is not where the issuer is plain HTTP, for trying out.
func cookieOf(issuer string) cookie {
	if strings.HasPrefix(issuer, "https:") {
		return cookie{name: "__Host-latchkey", secure: true, sameSite: http.SameSiteStrictMode}
	}
	return cookie{name: "latchkey", sameSite: http.SameSiteStrictMode}
}

func (k cookie) read(c *gin.Context) (oauth.Plaintext, bool) {
	sent, err := c.Request.Cookie(k.name)
	if err != nil {
		return oauth.Plaintext{}, false
	}
	return oauth.NewPlaintext(sent.Value), true
}

func (k cookie) set(c *gin.Context, session oauth.Plaintext, lifetime time.Duration) {
	k.write(c, session.Reveal(), int(lifetime.Seconds()))
}

func (k cookie) clear(c *gin.Context) { k.write(c, "", -1) }

func (k cookie) write(c *gin.Context, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: k.name, Value: value, Path: "/", MaxAge: maxAge, Secure: k.secure, HttpOnly: true, SameSite: k.sameSite,
	})
}

// sameOrigin answers whether no page of another origin can have made the request, and otherwise 403.
func (a *API) sameOrigin(c *gin.Context) bool {
	err := a.origins.Check(c.Request)
	if err != nil {
		c.Error(err)
		a.write(c, Problem{Type: "cross-origin", Status: http.StatusForbidden, Detail: "A session works only on the pages of this server."})
	}
	return err == nil
}

// stranger is whoever makes a request that needs no authentication.
func stranger(c *gin.Context) admin.Actor {
	actor := admin.Actor{Kind: admin.ActorAnonymous}
	actor.Address, actor.RequestID = originOf(c)
	return actor
}

// CreateSession answers POST /admin/v1/session: it signs an operator in. No other site may do so in somebody's
// browser, lest they work on in the name of another.
func (a *API) CreateSession(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if !queryOf(c).ok(a, c) || !a.sameOrigin(c) {
		return
	}
	body, ok := decode[struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Code     string `json:"code"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	session, err := a.sessions.Begin(c.Request.Context(), stranger(c), body.Email, body.Password, body.Code)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.cookie.set(c, session, a.sessions.Lifetime())
	c.Status(http.StatusCreated)
}

// DeleteSession answers DELETE /admin/v1/session: it signs the operator out, if anybody is signed in.
func (a *API) DeleteSession(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if !queryOf(c).ok(a, c) || !a.sameOrigin(c) {
		return
	}
	if session, ok := a.cookie.read(c); ok {
		if err := a.sessions.End(c.Request.Context(), stranger(c), session); err != nil {
			a.fail(c, err)
			return
		}
	}
	a.cookie.clear(c)
	c.Status(http.StatusNoContent)
}

// SetPassword answers POST /admin/v1/password: whoever holds the token of an operator sets the password.
func (a *API) SetPassword(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[struct {
		Token    string `json:"token"`
		Password string `json:"password"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	if err := a.operators.SetPassword(c.Request.Context(), stranger(c), oauth.NewPlaintext(body.Token), body.Password); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}
