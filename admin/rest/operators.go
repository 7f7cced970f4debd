package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// operatorChange is what a merge patch may hold, and all that a new operator does.
type operatorChange struct {
	Email optional[string]           `json:"email"`
	Name  optional[string]           `json:"name"`
	Roles optional[[]roleAssignment] `json:"roles"`
}

type roleAssignment struct {
	Role  admin.Role `json:"role"`
	OrgID *string    `json:"org_id"` // Null: the whole installation.
}

// change answers what is to be changed, or FieldErrors: an empty org is none, and not the whole installation.
func (o operatorChange) change() (admin.OperatorChange, error) {
	change := admin.OperatorChange{Email: o.Email.value, Name: o.Name.value}
	if o.Roles.value == nil {
		return change, nil
	}
	roles := make([]admin.RoleAssignment, len(*o.Roles.value))
	for i, wire := range *o.Roles.value {
		roles[i].Role = wire.Role
		switch {
		case wire.OrgID == nil:
		case *wire.OrgID == "":
			return change, admin.FieldErrors{{Pointer: fmt.Sprintf("/roles/%d/org_id", i), Code: "unknown",
				Detail: "there is no such org; null is the whole installation"}}
		default:
			roles[i].OrgID = *wire.OrgID
		}
	}
	change.Roles = &roles
	return change, nil
}

// operator is an admin.Operator as the wire shows it. It never holds a password or a token.
type operator struct {
	ID           string           `json:"id"`
	Email        string           `json:"email"`
	Name         string           `json:"name"`
	Roles        []roleAssignment `json:"roles"`
	Status       oauth.Status     `json:"status"`
	HasPassword  bool             `json:"has_password"`
	CreatedAt    time.Time        `json:"created_at"`
	CreatedBy    string           `json:"created_by"`
	UpdatedAt    time.Time        `json:"updated_at"`
	UpdatedBy    string           `json:"updated_by"`
	LastSignInAt *time.Time       `json:"last_sign_in_at"`
	Version      int64            `json:"version"`
}

func operatorOf(o *admin.Operator) operator {
	wire := operator{
		ID: o.ID, Email: o.Email, Name: o.Name, Roles: []roleAssignment{}, Status: o.Status, HasPassword: o.PasswordHash != "",
		CreatedAt: o.CreatedAt, CreatedBy: o.CreatedBy, UpdatedAt: o.UpdatedAt, UpdatedBy: o.UpdatedBy,
		LastSignInAt: orNull(o.LastSignInAt), Version: o.Version,
	}
	for _, role := range o.Roles {
		wire.Roles = append(wire.Roles, roleAssignment{role, orNull(o.OrgID)})
	}
	return wire
}

// operatorWithToken is an operator, with the token by which it sets its password.
type operatorWithToken struct {
	operator
	PasswordToken          string    `json:"password_token"`
	PasswordTokenExpiresAt time.Time `json:"password_token_expires_at"`
}

// ListOperators answers GET /admin/v1/operators.
func (a *API) ListOperators(c *gin.Context) {
	q := queryOf(c, "q", "limit", "cursor")
	search, request := q.text("q"), q.page()
	if !q.ok(a, c) {
		return
	}
	rows, err := a.operators.List(c.Request.Context(), actorOf(c), search, request)
	if err != nil {
		a.fail(c, err)
		return
	}
	writePage(c, rows, operatorOf)
}

// CreateOperator answers POST /admin/v1/operators. Its answer shows the token that sets the password, for the only time.
func (a *API) CreateOperator(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	body, ok := decode[operatorChange](a, c, "application/json")
	if !ok {
		return
	}
	change, err := body.change()
	if err != nil {
		a.fail(c, err)
		return
	}
	created, token, err := a.operators.Register(c.Request.Context(), actorOf(c), change)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Location", a.issuer.URL()+"/admin/v1/operators/"+url.PathEscape(created.ID))
	writeOperatorWithToken(c, http.StatusCreated, created, token)
}

// GetOperator answers GET /admin/v1/operators/{id}.
func (a *API) GetOperator(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	found, err := a.operators.Operator(c.Request.Context(), actorOf(c), c.Param("id"))
	a.writeOperator(c, found, err)
}

// PatchOperator answers PATCH /admin/v1/operators/{id}: a merge patch (RFC 7396).
func (a *API) PatchOperator(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatch(c)
	if !ok {
		return
	}
	body, ok := decode[operatorChange](a, c, "application/merge-patch+json", "application/json")
	if !ok {
		return
	}
	change, err := body.change()
	if err != nil {
		a.fail(c, err)
		return
	}
	changed, err := a.operators.Change(c.Request.Context(), actorOf(c), c.Param("id"), only, change)
	a.writeOperator(c, changed, err)
}

// DeleteOperator answers DELETE /admin/v1/operators/{id}.
func (a *API) DeleteOperator(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	only, ok := a.ifMatch(c)
	if !ok {
		return
	}
	if err := a.operators.Remove(c.Request.Context(), actorOf(c), c.Param("id"), only); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// ActivateOperator answers POST /admin/v1/operators/{id}/activate.
func (a *API) ActivateOperator(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	switched, err := a.operators.Activate(c.Request.Context(), actorOf(c), c.Param("id"))
	a.writeOperator(c, switched, err)
}

// DeactivateOperator answers POST /admin/v1/operators/{id}/deactivate.
func (a *API) DeactivateOperator(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	switched, err := a.operators.Deactivate(c.Request.Context(), actorOf(c), c.Param("id"))
	a.writeOperator(c, switched, err)
}

// ResetPassword answers POST /admin/v1/operators/{id}/reset-password. Its answer shows the token that sets another
// password, for the only time.
func (a *API) ResetPassword(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	reset, token, err := a.operators.ResetPassword(c.Request.Context(), actorOf(c), c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	writeOperatorWithToken(c, http.StatusOK, reset, token)
}

func (a *API) writeOperator(c *gin.Context, found *admin.Operator, err error) {
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etag(found.Version))
	c.PureJSON(http.StatusOK, operatorOf(found))
}

func writeOperatorWithToken(c *gin.Context, status int, found *admin.Operator, token oauth.Plaintext) {
	c.Header("ETag", etag(found.Version))
	c.PureJSON(status, operatorWithToken{operatorOf(found), token.Reveal(), found.TokenExpiresAt})
}
