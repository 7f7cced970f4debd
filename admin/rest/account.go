package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
)

// GetSecondFactor answers GET /admin/v1/me/second-factor.
func (a *API) GetSecondFactor(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	operator, err := a.sessions.Account(c.Request.Context(), actorOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	left := 0
	if operator.SecondFactor != nil {
		left = len(operator.SecondFactor.Recovery)
	}
	c.PureJSON(http.StatusOK, struct {
		Email             string `json:"email"`
		Enrolled          bool   `json:"enrolled"`
		RecoveryCodesLeft int    `json:"recovery_codes_left"`
	}{operator.Email, operator.SecondFactor != nil, left})
}

// OfferSecondFactor answers POST /admin/v1/me/second-factor: a key for an authenticator app, of which nothing is kept.
func (a *API) OfferSecondFactor(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	offer, err := a.sessions.OfferSecondFactor(c.Request.Context(), actorOf(c), "Latchkey "+c.Request.Host)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.PureJSON(http.StatusOK, struct {
		Key   string `json:"key"`
		URI   string `json:"uri"`
		Image string `json:"image"`
	}{offer.Key, offer.URI, offer.Image})
}

// EnrolSecondFactor answers PUT /admin/v1/me/second-factor. Its answer shows the recovery codes, for the only time.
func (a *API) EnrolSecondFactor(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[struct {
		Key      string `json:"key"`
		Code     string `json:"code"`
		Password string `json:"password"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	codes, err := a.sessions.EnrolSecondFactor(c.Request.Context(), actorOf(c), admin.Enrolment(body))
	if err != nil {
		a.fail(c, err)
		return
	}
	shown := make([]string, len(codes))
	for i, code := range codes {
		shown[i] = code.Reveal()
	}
	c.PureJSON(http.StatusOK, struct {
		RecoveryCodes []string `json:"recovery_codes"`
	}{shown})
}

// RemoveSecondFactor answers POST /admin/v1/me/second-factor/remove.
func (a *API) RemoveSecondFactor(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[struct {
		Password string `json:"password"`
		Code     string `json:"code"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	if err := a.sessions.RemoveSecondFactor(c.Request.Context(), actorOf(c), body.Password, body.Code); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// ChangePassword answers POST /admin/v1/me/password. All sessions end, this one too.
func (a *API) ChangePassword(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[struct {
		Current  string `json:"current_password"`
		Password string `json:"password"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	if err := a.sessions.ChangePassword(c.Request.Context(), actorOf(c), body.Current, body.Password); err != nil {
		a.fail(c, err)
		return
	}
	a.cookie.clear(c)
	c.Status(http.StatusNoContent)
}

// DeleteSessions answers DELETE /admin/v1/sessions: it signs the operator out everywhere.
func (a *API) DeleteSessions(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	if err := a.sessions.EndAll(c.Request.Context(), actorOf(c)); err != nil {
		a.fail(c, err)
		return
	}
	a.cookie.clear(c)
	c.Status(http.StatusNoContent)
}
