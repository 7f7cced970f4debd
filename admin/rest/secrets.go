package rest

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// ListSecrets answers GET /admin/v1/credentials/{client_id}/secrets: all of them on one page, and never their text.
func (a *API) ListSecrets(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	client, err := a.registrar.Client(c.Request.Context(), actorOf(c), c.Param("client_id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	secrets, ok := a.secrets(c, client)
	if !ok {
		return
	}
	c.Header("ETag", etag(client.Version))
	c.PureJSON(http.StatusOK, page[secret]{Data: secrets})
}

// RotateSecret answers POST /admin/v1/credentials/{client_id}/secrets. Its answer shows the new secret for the only
// time.
func (a *API) RotateSecret(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatchAny(c)
	if !ok {
		return
	}
	body, ok := decode[struct {
		Overlap   *int64     `json:"overlap"` // Null is not 0, which ends the current secret at once.
		ExpiresAt *time.Time `json:"expires_at"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	rotation := admin.Rotation{Overlap: body.Overlap, ExpiresAt: body.ExpiresAt}
	rotated, err := a.registrar.Rotate(c.Request.Context(), actorOf(c), c.Param("client_id"), only, rotation)
	if err != nil {
		a.fail(c, err)
		return
	}
	// Nothing may fail now: this is the only time that the new secret is shown, and when the previous one was used is
	// worth less.
	used := make([]admin.ClientUsage, 1)
	if found, err := a.registrar.Usages(c.Request.Context(), []oauth.Client{*rotated.Client}); err == nil {
		used = found
	}
	secrets := secretsOf(rotated.Client, &used[0], a.registrar.Now())
	c.Header("ETag", etag(rotated.Client.Version))
	answer := struct {
		secret
		ClientSecret string  `json:"client_secret"`
		Previous     *secret `json:"previous"` // Null if there was none, or if it has ended.
	}{ClientSecret: rotated.Text.Reveal()}
	for _, kept := range secrets {
		switch {
		case kept.ID == rotated.Secret.ID:
			answer.secret = kept
		case kept.Status == statusPrevious:
			answer.Previous = &kept
		}
	}
	c.PureJSON(http.StatusCreated, answer)
}

// PatchSecret answers PATCH /admin/v1/credentials/{client_id}/secrets/{secret_id}: it moves the end of the previous
// secret.
func (a *API) PatchSecret(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatchAny(c)
	if !ok {
		return
	}
	body, ok := decode[struct {
		StopsAt *time.Time `json:"stops_at"`
	}](a, c, "application/merge-patch+json", "application/json")
	if !ok {
		return
	}
	if body.StopsAt == nil {
		a.fail(c, admin.FieldErrors{{Pointer: "/stops_at", Code: "required", Detail: "say when the previous secret ends"}})
		return
	}
	id := c.Param("secret_id")
	client, err := a.registrar.MoveDeadline(c.Request.Context(), actorOf(c), c.Param("client_id"), id, only, *body.StopsAt)
	if err != nil {
		a.fail(c, err)
		return
	}
	secrets, ok := a.secrets(c, client)
	if !ok {
		return
	}
	c.Header("ETag", etag(client.Version))
	for _, kept := range secrets {
		if kept.ID == id {
			c.PureJSON(http.StatusOK, kept)
		}
	}
}

// DeleteSecret answers DELETE /admin/v1/credentials/{client_id}/secrets/{secret_id}: it ends the secret at once.
func (a *API) DeleteSecret(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatchAny(c)
	if !ok {
		return
	}
	err := a.registrar.StopSecret(c.Request.Context(), actorOf(c), c.Param("client_id"), c.Param("secret_id"), only)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// ReportSecret answers POST /admin/v1/secrets/report, which needs no login. The answer is the same whatever the text.
func (a *API) ReportSecret(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[struct {
		Secret optional[string] `json:"secret"`
	}](a, c, "application/json")
	if !ok {
		return
	}
	if body.Secret.value == nil {
		a.fail(c, admin.FieldErrors{{Pointer: "/secret", Code: "required", Detail: "send the text of the secret"}})
		return
	}
	reporter := admin.Reporter(c.ClientIP(), c.GetString("request_id"))
	if err := a.registrar.Report(c.Request.Context(), reporter, oauth.NewPlaintext(*body.Secret.value)); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusAccepted)
}

// secrets answers the secrets of a client as the wire shows them, or the problem.
func (a *API) secrets(c *gin.Context, client *oauth.Client) ([]secret, bool) {
	usages, err := a.registrar.Usages(c.Request.Context(), []oauth.Client{*client})
	if err != nil {
		a.fail(c, err)
		return nil, false
	}
	return secretsOf(client, &usages[0], a.registrar.Now()), true
}
