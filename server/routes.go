package server

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"github.com/latchkey-auth/latchkey/admin/rest"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/endpoint"
)

// The largest bodies that are read.
const (
	maxTokenBody  = 64 << 10
	maxAdminBody  = 1 << 20
	maxReportBody = 64 << 10
)

// How many reports of leaked secrets are taken from one network: ten at once, and then one every six seconds. Whoever
// reports has found one or a few; who tries texts is to find nothing.
const reportsPerSecond, reportsBurst = 1. / 6, 10

// How often one network may make this server ask another provider.
const signInsPerSecond, signInsBurst = 1, 20

// routes is the whole HTTP surface, in the order of openapi.yaml.
func (s *Server) routes() (*gin.Engine, error) {
	engine, base, faces, err := s.newEngine()
	if err != nil {
		return nil, err
	}
	protocol, api := s.config.Endpoint, s.config.API

	clients := engine.Group(base, limitBody(maxTokenBody))
	if perSecond := s.config.AddressRate; perSecond > 0 {
		clients.Use(faces.perAddress(rate.Limit(perSecond), endpoint.Burst(perSecond)))
	}
	bounded := deadline(s.config.RequestTimeout)
	clients.POST(oauth.TokenPath, protocol.Token) // It bounds its time itself.
	clients.POST(oauth.IntrospectPath, bounded, protocol.Introspect)
	clients.POST(oauth.RevokePath, bounded, protocol.Revoke)

	top, root := engine.Group("", bounded), engine.Group(base, bounded)
	get(root, oauth.DenyListPath, protocol.DenyList)
	get(root, oauth.StatusListPath+":list", protocol.StatusList)
	get(root, oauth.JWKSPath, protocol.JWKS)
	get(root, oauth.MetadataPath, protocol.Metadata)
	if base != "" {
		// RFC 8414 §3.1: the well-known part stands between the host and the issuer's path.
		get(top, oauth.MetadataPath+base, protocol.Metadata)
	}

	get(top, rest.ResourceMetadataPath+base+"/admin/v1", api.ResourceMetadata)
	root.POST("/admin/v1/session", limitBody(maxAdminBody), api.CreateSession)
	root.DELETE("/admin/v1/session", api.DeleteSession)
	root.POST("/admin/v1/password", limitBody(maxAdminBody), api.SetPassword)
	admin := root.Group("/admin/v1", limitBody(maxAdminBody), api.Authenticate)
	admin.GET("/me", api.Me)
	admin.POST("/me/password", api.ChangePassword)
	admin.GET("/me/second-factor", api.GetSecondFactor)
	admin.POST("/me/second-factor", api.OfferSecondFactor)
	admin.PUT("/me/second-factor", api.EnrolSecondFactor)
	admin.POST("/me/second-factor/remove", api.RemoveSecondFactor)
	admin.DELETE("/sessions", api.DeleteSessions)
	admin.GET("/credentials", api.ListCredentials)
	admin.POST("/credentials", api.Idempotent, api.CreateCredential)
	admin.GET("/credentials/:client_id", api.GetCredential)
	admin.PATCH("/credentials/:client_id", api.PatchCredential)
	admin.DELETE("/credentials/:client_id", api.DeleteCredential)
	admin.POST("/credentials/:client_id/activate", api.ActivateCredential)
	admin.POST("/credentials/:client_id/deactivate", api.DeactivateCredential)
	admin.GET("/credentials/:client_id/secrets", api.ListSecrets)
	admin.POST("/credentials/:client_id/secrets", api.Idempotent, api.RotateSecret)
	admin.PATCH("/credentials/:client_id/secrets/:secret_id", api.PatchSecret)
	admin.DELETE("/credentials/:client_id/secrets/:secret_id", api.DeleteSecret)
	admin.POST("/credentials/:client_id/token-preview", api.PreviewToken)
	admin.GET("/credentials/:client_id/usage", api.GetUsage)
	admin.GET("/credentials/:client_id/events", api.ListCredentialEvents)
	admin.GET("/apis", api.ListAPIs)
	admin.GET("/apis/:key", api.GetAPI)
	admin.PUT("/apis/:key", api.PutAPI)
	admin.DELETE("/apis/:key", api.DeleteAPI)
	admin.POST("/apis/:key/activate", api.ActivateAPI)
	admin.POST("/apis/:key/deactivate", api.DeactivateAPI)
	admin.GET("/tenants", api.ListTenants)
	admin.GET("/tenants/:id", api.GetTenant)
	admin.PUT("/tenants/:id", api.PutTenant)
	admin.DELETE("/tenants/:id", api.DeleteTenant)
	admin.POST("/tenants/:id/activate", api.ActivateTenant)
	admin.POST("/tenants/:id/deactivate", api.DeactivateTenant)
	admin.POST("/apply", api.Apply)
	admin.GET("/events", api.ListEvents)
	admin.GET("/keys", api.ListKeys)
	admin.POST("/keys/rotations", api.RotateKeys)
	admin.POST("/keys/:kid/revoke", api.RevokeKey)
	admin.GET("/audit", api.GetAudit)
	admin.GET("/audit/checkpoints", api.ListCheckpoints)
	admin.GET("/operators", api.ListOperators)
	admin.POST("/operators", api.Idempotent, api.CreateOperator)
	admin.GET("/operators/:id", api.GetOperator)
	admin.PATCH("/operators/:id", api.PatchOperator)
	admin.DELETE("/operators/:id", api.DeleteOperator)
	admin.POST("/operators/:id/activate", api.ActivateOperator)
	admin.POST("/operators/:id/deactivate", api.DeactivateOperator)
	admin.POST("/operators/:id/reset-password", api.ResetPassword)

	root.POST("/admin/v1/secrets/report", faces.perAddress(reportsPerSecond, reportsBurst), limitBody(maxReportBody), api.ReportSecret)

	if screen := s.config.Console; screen != nil {
		get(root, "/console", screen.Redirect)
		get(root, "/console/", screen.Page)
		get(root, "/console/a/:hash/:file", screen.File(""))
		get(root, "/console/a/:hash/vendor/:file", screen.File("vendor"))
	}
	root.GET("/console/oidc/start", faces.perAddress(signInsPerSecond, signInsBurst), api.StartUpstream)
	root.GET("/console/oidc/callback", faces.perAddress(signInsPerSecond, signInsBurst), api.FinishUpstream)
	get(root, "/openapi.yaml", document)
	get(root, "/problems/:type", api.ProblemPage)
	get(root, "/", s.index)

	get(top, livePath, s.health.live)
	get(top, readyPath, s.health.ready)
	return engine, nil
}

// get adds a document that answers HEAD as well; net/http leaves out the body.
func get(group *gin.RouterGroup, path string, handler gin.HandlerFunc) {
	group.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
}

// newEngine makes a router with the middleware of every request, and answers the path of the issuer and what refuses.
func (s *Server) newEngine() (*gin.Engine, string, faces, error) {
	issuer, err := url.Parse(s.config.Issuer)
	if err != nil {
		return nil, "", faces{}, fmt.Errorf("issuer: %w", err)
	}
	base := issuer.EscapedPath()

	// gin's mode is gin's own global; in any other it prints to stdout.
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false // It believes X-Forwarded-Prefix.
	engine.HandleMethodNotAllowed = true
	// An id may hold an encoded slash. gin would unescape it as in a query, where a plus is a space.
	engine.UseEscapedPath, engine.UnescapePathValues = true, false
	engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	var trusted []string // By default gin trusts everybody.
	for _, network := range s.config.TrustedProxies {
		trusted = append(trusted, network.String())
	}
	if err := engine.SetTrustedProxies(trusted); err != nil {
		return nil, "", faces{}, fmt.Errorf("trusted proxies: %w", err)
	}

	faces := faces{issuer: s.config.Issuer, oauthPrefix: base + "/oauth/"}
	engine.Use(
		assignRequestID(s.config.TrustedProxies),
		observe{s.config.Log, s.config.Metrics}.request,
		s.config.Tracing.name,
		recovery{s.config.Log, faces}.request,
		securityHeaders(issuer.Scheme == "https"),
		s.health.leave,
		s.config.ClientCerts.proxied(s.config.TrustedProxies, s.config.Log),
		unescapeParameters,
	)
	engine.NoRoute(faces.notFound)
	engine.NoMethod(faces.methodNotAllowed)
	return engine, base, faces, nil
}

// index tells whoever opens the issuer's URL in a browser what they have found.
func (s *Server) index(c *gin.Context) {
	c.String(http.StatusOK, "Latchkey, an OAuth 2 authorization server for programs.\nMetadata: %s%s\n",
		s.config.Issuer, oauth.MetadataPath)
}
