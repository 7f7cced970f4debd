package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/admin/upstream"
	"github.com/latchkey-auth/latchkey/oauth"
)

// flow is the cookie of a sign-in under way. The provider's page leads back to here, and a browser sends no strict
// cookie along with that.
func (k cookie) flow() cookie {
	k.name, k.sameSite = k.name+"-oidc", http.SameSiteLaxMode
	return k
}

// StartUpstream answers GET /console/oidc/start: it sends the browser to the provider.
func (a *API) StartUpstream(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if a.upstream == nil {
		a.tell(c, http.StatusNotFound, "People sign in here with a password alone.")
		return
	}
	location, flow, err := a.upstream.Start(c.Request.Context())
	if err != nil {
		a.turnAway(c, err)
		return
	}
	a.cookie.flow().set(c, oauth.NewPlaintext(flow), upstream.Lifetime)
	c.Header("Location", location)
	c.Status(http.StatusSeeOther)
}

// FinishUpstream answers GET /console/oidc/callback: the browser comes back from the provider, and is signed in. It
// goes on to the console, wherever it came from.
func (a *API) FinishUpstream(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer") // The query holds the code.
	if a.upstream == nil {
		a.tell(c, http.StatusNotFound, "People sign in here with a password alone.")
		return
	}
	flow, _ := a.cookie.flow().read(c)
	a.cookie.flow().clear(c) // It is good for one answer.
	person, err := a.upstream.Finish(c.Request.Context(), c.Request.URL.Query(), flow.Reveal())
	if err != nil {
		a.turnAway(c, err)
		return
	}
	session, err := a.sessions.BeginAs(c.Request.Context(), stranger(c), person)
	if err != nil {
		a.turnAway(c, err)
		return
	}
	a.cookie.set(c, session, a.sessions.Lifetime())
	c.Header("Location", a.consoleURL())
	c.Status(http.StatusSeeOther)
}

// turnAway says in a sentence why nobody is signed in. What the provider wrote is for the log alone.
func (a *API) turnAway(c *gin.Context, err error) {
	c.Error(err)
	status, sentence := http.StatusInternalServerError, "Something is wrong here. Give the request id to whoever runs this server."
	switch {
	case errors.Is(err, upstream.ErrForeign):
		status, sentence = http.StatusBadRequest, "This sign-in was not begun in this browser, or it took too long. Begin again."
	case errors.Is(err, upstream.ErrRefused):
		status, sentence = http.StatusForbidden, "The provider did not sign you in."
	case errors.Is(err, upstream.ErrUntrusted):
		status, sentence = http.StatusBadGateway, "The provider's answer does not prove who you are. Ask whoever runs this server."
	case errors.Is(err, upstream.ErrUnreachable), errors.Is(err, oauth.ErrUnavailable):
		status, sentence = http.StatusServiceUnavailable, "Signing in is not possible at the moment. Try again in a while."
	case errors.Is(err, admin.ErrNoRole):
		status, sentence = http.StatusForbidden, "You are signed in at the provider, but have no role here. Ask whoever manages the operators."
	case errors.Is(err, admin.ErrSignIn):
		status, sentence = http.StatusForbidden, "You may not sign in here. Ask whoever manages the operators."
	case errors.Is(err, admin.ErrEmailTaken):
		status, sentence = http.StatusForbidden, "Another operator has your e-mail address. Ask whoever manages the operators."
	case errors.Is(err, admin.ErrLastAdmin):
		status, sentence = http.StatusForbidden, "The provider takes a role from you that nobody else has here. Let somebody else become an admin first."
	}
	a.tell(c, status, sentence)
}

func (a *API) tell(c *gin.Context, status int, sentence string) {
	c.String(status, "%s\n%s\n", sentence, a.consoleURL())
}

func (a *API) consoleURL() string { return strings.TrimSuffix(a.issuer.URL(), "/") + "/console/" }
