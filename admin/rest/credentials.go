package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// credentialChange is what a merge patch may hold, and a part of what a new credential does.
type credentialChange struct {
	Name          optional[string]           `json:"name"`
	Note          optional[string]           `json:"note"`
	Owner         optional[string]           `json:"owner"`
	Status        optional[oauth.Status]     `json:"status"`
	AuthMethod    optional[oauth.AuthMethod] `json:"auth_method"`
	JWKS          optional[jsontext.Value]   `json:"jwks"`
	JWKSURI       optional[string]           `json:"jwks_uri"`
	Grants        optional[[]grant]          `json:"grants"`
	TokenLifetime optional[int64]            `json:"token_lifetime"`
	QuotaPerHour  optional[int64]            `json:"token_quota_per_hour"`
	QuotaPerDay   optional[int64]            `json:"token_quota_per_day"`
	DPoPRequired  optional[bool]             `json:"dpop_required"`
	SubjectDN     optional[string]           `json:"tls_client_auth_subject_dn"`
	SANDNS        optional[string]           `json:"tls_client_auth_san_dns"`
	SANURI        optional[string]           `json:"tls_client_auth_san_uri"`
	SANIP         optional[string]           `json:"tls_client_auth_san_ip"`
	SANEmail      optional[string]           `json:"tls_client_auth_san_email"`
	AllowedCIDRs  optional[[]string]         `json:"allowed_cidrs"`
}

type newCredential struct {
	credentialChange
	OrgID           string     `json:"org_id"`
	SecretExpiresAt *time.Time `json:"secret_expires_at"`
}

// ListCredentials answers GET /admin/v1/credentials.
func (a *API) ListCredentials(c *gin.Context) {
	q := queryOf(c, "q", "status", "org_id", "api", "permission", "where", "unused_for", "secret_expires_within",
		"attention", "sort", "limit", "cursor")
	filter := admin.ClientFilter{
		Search: q.text("q"),
		OrgID:  q.text("org_id"),
		Status: oauth.Status(q.oneOf("status", string(oauth.StatusActive), string(oauth.StatusInactive))),
		API:    q.text("api"), Permission: q.scope("permission"), Where: q.text("where"),
		UnusedFor: q.days("unused_for"), SecretExpiresWithin: q.days("secret_expires_within"),
		Attention: admin.Attention(q.oneOf("attention", string(admin.AttentionSecretExpiring), string(admin.AttentionUnused),
			string(admin.AttentionOldSecretInUse), string(admin.AttentionRefusedRequests))),
		Sort: admin.ClientSort(q.oneOf("sort", string(admin.ByName), string(admin.ByNameDown),
			string(admin.ByCreated), string(admin.ByCreatedDown), string(admin.ByUsed), string(admin.ByUsedDown))),
	}
	request := q.page()
	if !q.ok(a, c) {
		return
	}
	rows, err := a.registrar.List(c.Request.Context(), actorOf(c), filter, request)
	if err != nil {
		a.fail(c, err)
		return
	}
	views, ok := a.views(c, admin.ClientsOf(rows.Rows))
	if !ok {
		return
	}
	writePage(c, admin.Page[credential]{Rows: views, Next: rows.Next}, func(view *credential) credential { return *view })
}

// CreateCredential answers POST /admin/v1/credentials. Its answer shows the secret for the only time.
func (a *API) CreateCredential(c *gin.Context) {
	q := queryOf(c, "dry_run")
	dryRun := q.dryRun()
	if !q.ok(a, c) {
		return
	}
	body, ok := decode[newCredential](a, c, "application/json")
	if !ok {
		return
	}
	outcome, err := a.registrar.Register(c.Request.Context(), actorOf(c), admin.NewClient{
		ClientChange: body.change(), OrgID: body.OrgID, SecretExpiresAt: body.SecretExpiresAt,
	}, dryRun)
	if err != nil {
		a.fail(c, err)
		return
	}
	if dryRun {
		a.writeDryRun(c, outcome)
		return
	}
	view := credentialOf(outcome.Client, outcome.Summary, new(admin.ClientUsage), a.registrar.Now()) // It has done nothing yet.
	c.Header("ETag", etag(outcome.Client.Version))
	c.Header("Location", a.issuer.URL()+"/admin/v1/credentials/"+url.PathEscape(outcome.Client.ID))
	c.PureJSON(http.StatusCreated, struct {
		credential
		ClientSecret string   `json:"client_secret,omitempty"` // None if it authenticates by keys.
		Warnings     []string `json:"warnings"`
	}{view, outcome.Secret.Reveal(), orEmpty(outcome.Warnings)})
}

// GetCredential answers GET /admin/v1/credentials/{client_id}.
func (a *API) GetCredential(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	client, err := a.registrar.Client(c.Request.Context(), actorOf(c), c.Param("client_id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	a.writeCredential(c, client)
}

// PatchCredential answers PATCH /admin/v1/credentials/{client_id}: a merge patch (RFC 7396).
func (a *API) PatchCredential(c *gin.Context) {
	q := queryOf(c, "dry_run")
	dryRun := q.dryRun()
	if !q.ok(a, c) {
		return
	}
	only, ok := a.ifMatch(c)
	if !ok {
		return
	}
	body, ok := decode[credentialChange](a, c, "application/merge-patch+json", "application/json")
	if !ok {
		return
	}
	outcome, err := a.registrar.Change(c.Request.Context(), actorOf(c), c.Param("client_id"), only, body.change(), dryRun)
	switch {
	case err != nil:
		a.fail(c, err)
	case dryRun:
		a.writeDryRun(c, outcome)
	default:
		a.writeCredential(c, outcome.Client)
	}
}

// DeleteCredential answers DELETE /admin/v1/credentials/{client_id}.
func (a *API) DeleteCredential(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatch(c)
	if !ok {
		return
	}
	if err := a.registrar.Remove(c.Request.Context(), actorOf(c), c.Param("client_id"), only); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// ActivateCredential answers POST /admin/v1/credentials/{client_id}/activate.
func (a *API) ActivateCredential(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	client, err := a.registrar.Activate(c.Request.Context(), actorOf(c), c.Param("client_id"))
	a.writeSwitched(c, client, err)
}

// DeactivateCredential answers POST /admin/v1/credentials/{client_id}/deactivate.
func (a *API) DeactivateCredential(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	client, err := a.registrar.Deactivate(c.Request.Context(), actorOf(c), c.Param("client_id"))
	a.writeSwitched(c, client, err)
}

func (a *API) writeSwitched(c *gin.Context, client *oauth.Client, err error) {
	if err != nil {
		a.fail(c, err)
		return
	}
	view, ok := a.view(c, client)
	if !ok {
		return
	}
	c.Header("ETag", etag(client.Version))
	c.PureJSON(http.StatusOK, struct {
		credential
		TokensEndBy time.Time `json:"tokens_end_by"`
	}{view, a.registrar.TokensEndBy(client)})
}

func (a *API) writeCredential(c *gin.Context, client *oauth.Client) {
	if view, ok := a.view(c, client); ok {
		c.Header("ETag", etag(client.Version))
		c.PureJSON(http.StatusOK, view)
	}
}

func (a *API) writeDryRun(c *gin.Context, outcome admin.Outcome) {
	if outcome.Summary == nil {
		summaries, err := a.registrar.Summaries(c.Request.Context(), []oauth.Client{*outcome.Client})
		if err != nil {
			a.fail(c, err)
			return
		}
		outcome.Summary = summaries[0]
	}
	c.PureJSON(http.StatusOK, struct {
		Summary  []string                `json:"summary"`
		Warnings []string                `json:"warnings"`
		Changes  map[string]admin.Change `json:"changes"`
	}{outcome.Summary, orEmpty(outcome.Warnings), outcome.Changes})
}

// view answers a client as the wire shows it, or the problem.
func (a *API) view(c *gin.Context, client *oauth.Client) (credential, bool) {
	views, ok := a.views(c, []oauth.Client{*client})
	if !ok {
		return credential{}, false
	}
	return views[0], true
}

// views answers clients as the wire shows them, or the problem. It asks as often for many as for one.
func (a *API) views(c *gin.Context, clients []oauth.Client) ([]credential, bool) {
	usages, err := a.registrar.Usages(c.Request.Context(), clients)
	if err != nil {
		a.fail(c, err)
		return nil, false
	}
	summaries, err := a.registrar.Summaries(c.Request.Context(), clients)
	if err != nil {
		a.fail(c, err)
		return nil, false
	}
	views := make([]credential, len(clients))
	for i := range clients {
		views[i] = credentialOf(&clients[i], summaries[i], &usages[i], a.registrar.Now())
	}
	return views, true
}

// ifMatchAny reads a precondition that may be left out.
func (a *API) ifMatchAny(c *gin.Context) (admin.Precondition, bool) {
	if len(c.Request.Header.Values("If-Match")) == 0 {
		return nil, true
	}
	return a.ifMatch(c)
}

// ifMatch reads the precondition that a change must carry (RFC 9110 §13.1.1), or answers 428 (RFC 6585 §3).
func (a *API) ifMatch(c *gin.Context) (admin.Precondition, bool) {
	header := strings.TrimSpace(strings.Join(c.Request.Header.Values("If-Match"), ","))
	switch header {
	case "":
		a.write(c, Problem{Type: "precondition-required", Status: http.StatusPreconditionRequired,
			Detail: "Read it first and send its ETag as If-Match."})
		return nil, false
	case "*":
		return nil, true
	}
	only := admin.Precondition{}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if weak, isWeak := strings.CutPrefix(tag, "W/"); isWeak && strings.HasPrefix(weak, `"`) {
			continue // RFC 9110 §13.1.1 compares strongly, and a weak tag never matches.
		}
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			a.malformed(c, "If-Match", "invalid", `If-Match must be * or entity tags such as "3"`)
			return nil, false
		}
		if version, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64); err == nil && etag(version) == tag {
			only = append(only, version)
		}
	}
	return only, true
}

func (b credentialChange) change() admin.ClientChange {
	change := admin.ClientChange{
		Name: b.Name.value, Note: b.Note.value, Owner: b.Owner.value, Status: b.Status.value,
		AuthMethod: b.AuthMethod.value, JWKS: (*[]byte)(b.JWKS.value), JWKSURI: b.JWKSURI.value,
		TokenLifetime: b.TokenLifetime.value, QuotaPerHour: b.QuotaPerHour.value, QuotaPerDay: b.QuotaPerDay.value,
		DPoPRequired: b.DPoPRequired.value, AllowedCIDRs: b.AllowedCIDRs.value,
	}
	for field, said := range map[oauth.CertificateField]optional[string]{
		oauth.SubjectDN: b.SubjectDN, oauth.SANDNS: b.SANDNS, oauth.SANURI: b.SANURI, oauth.SANIP: b.SANIP, oauth.SANEmail: b.SANEmail,
	} {
		if said.value == nil {
			continue
		}
		if change.Certificate == nil {
			change.Certificate = make(map[oauth.CertificateField]string)
		}
		change.Certificate[field] = *said.value
	}
	if b.Grants.value != nil {
		grants := make([]oauth.Grant, len(*b.Grants.value))
		for i, wire := range *b.Grants.value {
			grants[i] = oauth.Grant(wire)
		}
		change.Grants = &grants
	}
	return change
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
