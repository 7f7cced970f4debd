package rest

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
)

// putCondition reads the preconditions of a PUT (RFC 9110 §13.1): If-Match to replace, If-None-Match: * to create.
func (a *API) putCondition(c *gin.Context) (only admin.PutCondition, ok bool) {
	switch strings.Join(c.Request.Header.Values("If-None-Match"), ",") {
	case "":
	case "*":
		only.Absent = true
	default:
		a.malformed(c, "If-None-Match", "invalid", "If-None-Match must be * here")
		return only, false
	}
	if len(c.Request.Header.Values("If-Match")) > 0 {
		match, ok := a.ifMatch(c)
		only.Match = &match
		return only, ok
	}
	return only, true
}

// named holds that a body names what the path names, or nothing, and lets it name that.
func (a *API) named(c *gin.Context, said *string, parameter string) bool {
	if *said != "" && *said != c.Param(parameter) {
		a.fail(c, admin.FieldErrors{{Pointer: "/" + parameter, Code: "immutable", Detail: "the path says otherwise"}})
		return false
	}
	*said = c.Param(parameter)
	return true
}

// putStatus answers the status of a PUT (RFC 9110 §9.3.4), and says where a new thing is.
func (a *API) putStatus(c *gin.Context, created bool, path string) int {
	if !created {
		return http.StatusOK
	}
	c.Header("Location", a.issuer.URL()+path)
	return http.StatusCreated
}
