package rest

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// usage is an admin.ClientUsage on the wire.
type usage struct {
	LastTokenAt *time.Time              `json:"last_token_at"`
	LastRefusal *lastRefusal            `json:"last_refusal"`
	Daily       [admin.ListedDays]int64 `json:"daily"`
}

type lastRefusal struct {
	At                time.Time    `json:"at"`
	Error             oauth.Code   `json:"error"`
	Reason            oauth.Reason `json:"reason"`
	MissingPermission *string      `json:"missing_permission"`
}

func usageOf(u *admin.ClientUsage) usage {
	wire := usage{LastTokenAt: orNull(u.IssuedAt), Daily: u.Daily}
	if last := u.Refused; !last.At.IsZero() {
		wire.LastRefusal = &lastRefusal{last.At, last.Code, last.Reason, orNull(last.Missing)}
	}
	return wire
}

// usageReport is an admin.UsageReport on the wire.
type usageReport struct {
	From        string            `json:"from"`
	To          string            `json:"to"`
	Days        []dayUsage        `json:"days"`
	Refusals    []refusal         `json:"refusals"`
	Permissions []permissionUsage `json:"permissions"`
}

// dayUsage is what came of the requests of one day that came with one secret, or with none that matched.
type dayUsage struct {
	Day      string           `json:"day"`
	SecretID *string          `json:"secret_id"`
	Issued   int64            `json:"issued"`
	Refused  map[string]int64 `json:"refused"`
}

type refusal struct {
	ID                 string       `json:"id"`
	At                 time.Time    `json:"at"`
	Address            string       `json:"address"`
	SecretID           *string      `json:"secret_id"`
	Error              oauth.Code   `json:"error"`
	Reason             oauth.Reason `json:"reason"`
	Detail             string       `json:"detail"`
	Scope              string       `json:"scope"`
	Resource           []string     `json:"resource"`
	MissingPermissions []string     `json:"missing_permissions"`
}

type permissionUsage struct {
	API            string               `json:"api"`
	Permission     string               `json:"permission"`
	Need           admin.PermissionNeed `json:"need"`
	LastAskedAt    *time.Time           `json:"last_asked_at"`
	LastIncludedAt *time.Time           `json:"last_included_at"`
}

// GetUsage answers GET /admin/v1/credentials/{client_id}/usage.
func (a *API) GetUsage(c *gin.Context) {
	q := queryOf(c, "days")
	days := q.number("days", admin.ListedDays)
	if !q.ok(a, c) {
		return
	}
	report, err := a.registrar.Usage(c.Request.Context(), actorOf(c), c.Param("client_id"), days)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.PureJSON(http.StatusOK, usageReportOf(report))
}

func usageReportOf(report *admin.UsageReport) usageReport {
	wire := usageReport{
		From: report.From.String(), To: report.To.String(),
		Days: []dayUsage{}, Refusals: []refusal{}, Permissions: []permissionUsage{},
	}
	for i, row := range report.Days {
		if i == 0 || row.Day != report.Days[i-1].Day || row.SecretID != report.Days[i-1].SecretID {
			wire.Days = append(wire.Days, dayUsage{Day: row.Day.String(), SecretID: orNull(row.SecretID), Refused: map[string]int64{}})
		}
		day := &wire.Days[len(wire.Days)-1]
		if row.Outcome == oauth.OutcomeIssued {
			day.Issued = row.Count
		} else {
			day.Refused[row.Outcome] = row.Count
		}
	}
	for _, told := range report.Refusals {
		wire.Refusals = append(wire.Refusals, refusal{
			ID: told.ID, At: told.At, Address: told.From, SecretID: orNull(told.SecretID),
			Error: told.Code, Reason: told.Reason, Detail: told.Detail, Scope: told.Scope,
			Resource: orEmpty(told.Resources), MissingPermissions: orEmpty(strings.Fields(told.Missing)),
		})
	}
	for _, use := range report.Permissions {
		wire.Permissions = append(wire.Permissions, permissionUsage{
			API: use.API, Permission: use.Permission, Need: use.Need,
			LastAskedAt: orNull(use.AskedAt), LastIncludedAt: orNull(use.IncludedAt),
		})
	}
	return wire
}

// previewRequest is a token request that is to be tried.
type previewRequest struct {
	Scope    string   `json:"scope"`
	Resource []string `json:"resource"`
	From     string   `json:"from"`
	// Details are read where the token endpoint reads its own.
	Details jsontext.Value `json:"authorization_details"`
}

// preview is the token that would be issued, or why none would be.
type preview struct {
	Preview bool           `json:"preview"` // Always true: this is no token.
	Header  *previewHeader `json:"header,omitempty"`
	Claims  *bearer.Claims `json:"claims,omitempty"`
	Refusal *wouldRefuse   `json:"refusal,omitempty"`
}

type previewHeader struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

type wouldRefuse struct {
	Error              oauth.Code   `json:"error"`
	Description        string       `json:"error_description"`
	Reason             oauth.Reason `json:"reason"`
	Detail             string       `json:"detail"`
	MissingPermissions []string     `json:"missing_permissions"`
}

// PreviewToken answers POST /admin/v1/credentials/{client_id}/token-preview.
func (a *API) PreviewToken(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[previewRequest](a, c, "application/json")
	if !ok {
		return
	}
	token, err := a.registrar.Preview(c.Request.Context(), actorOf(c), c.Param("client_id"),
		admin.PreviewRequest{Scope: body.Scope, Resources: body.Resource, From: body.From, Details: string(body.Details)})
	var refused *oauth.Error
	switch {
	case errors.As(err, &refused):
		reason, detail := refused.Because()
		c.PureJSON(http.StatusOK, preview{Preview: true, Refusal: &wouldRefuse{
			refused.Code, refused.Description, reason, detail, orEmpty([]string(refused.Missing)),
		}})
	case err != nil:
		a.fail(c, err)
	default:
		c.PureJSON(http.StatusOK, preview{Preview: true,
			Header: &previewHeader{token.Algorithm, token.KeyID, bearer.TokenType}, Claims: token.Claims})
	}
}
