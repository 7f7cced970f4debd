package rest

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/admin/upstream"
	"github.com/latchkey-auth/latchkey/oauth"
)

// API serves the admin REST API. Its handlers are mounted by server/routes.go, behind Authenticate.
type API struct {
	issuer    *oauth.Issuer
	registrar *admin.Registrar
	catalog   admin.Catalog
	tree      admin.Tree
	applier   admin.Applier
	trail     admin.Trail
	keys      admin.Keys
	retries   admin.Retries
	operators admin.Operators
	sessions  *admin.Sessions
	refusals  *admin.Refusals
	upstream  *upstream.Provider
	cookie    cookie
	origins   *http.CrossOriginProtection
	dpop      dpop
}

// Config is what an API is made of. Upstream is nil where people sign in with a password alone; the rest is required.
type Config struct {
	Issuer    *oauth.Issuer
	Registrar *admin.Registrar
	Catalog   admin.Catalog
	Tree      admin.Tree
	Applier   admin.Applier
	Trail     admin.Trail
	Keys      admin.Keys
	Retries   admin.Retries
	Operators admin.Operators
	Sessions  *admin.Sessions
	Refusals  *admin.Refusals
	Upstream  *upstream.Provider
}

// New makes an API.
func New(config Config) *API {
	return &API{
		issuer: config.Issuer, registrar: config.Registrar,
		catalog: config.Catalog, tree: config.Tree, applier: config.Applier, trail: config.Trail,
		keys: config.Keys, retries: config.Retries,
		operators: config.Operators, sessions: config.Sessions, refusals: config.Refusals, upstream: config.Upstream,
		cookie: cookieOf(config.Issuer.URL()), origins: http.NewCrossOriginProtection(),
		dpop: dpopOf(config.Issuer),
	}
}

// page is one page of a list on the wire.
type page[T any] struct {
	Data []T `json:"data"`
	// NextCursor is null on the last page.
	NextCursor *string `json:"next_cursor"`
}

// writePage answers a page and says where the next one is, in the body and by RFC 8288.
func writePage[R, T any](c *gin.Context, rows admin.Page[R], wire func(*R) T) {
	body := page[T]{Data: make([]T, len(rows.Rows))}
	for i := range rows.Rows {
		body.Data[i] = wire(&rows.Rows[i])
	}
	if rows.Next != "" {
		body.NextCursor = &rows.Next
		next := *c.Request.URL
		query := next.Query()
		query.Set("cursor", rows.Next)
		c.Header("Link", "<"+next.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
	}
	c.PureJSON(http.StatusOK, body)
}

// etag is the strong entity tag of a version (RFC 9110 §8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
