package rest

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
)

// ResourceMetadataPath is where RFC 9728 §3.1 looks for the metadata of a resource: at its host, before its path.
const ResourceMetadataPath = "/.well-known/oauth-protected-resource"

// resourceMetadata is where the metadata of the management API is.
func resourceMetadata(issuer string) string {
	address, err := url.Parse(admin.ManagementAudience(issuer))
	if err != nil {
		return "" // The issuer has checked it.
	}
	address.Path = ResourceMetadataPath + address.Path
	return address.String()
}

// ResourceMetadata answers GET /.well-known/oauth-protected-resource/admin/v1: who issues the tokens that the management
// API takes, and how they are presented (RFC 9728 §2).
func (a *API) ResourceMetadata(c *gin.Context) {
	server := a.issuer.Metadata()
	var scopes []string
	for _, permission := range admin.ManagementPermissions() {
		scopes = append(scopes, admin.ManagementAPI+":"+permission)
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.Header("Access-Control-Allow-Origin", "*")
	c.PureJSON(http.StatusOK, struct {
		Resource             string   `json:"resource"`
		Name                 string   `json:"resource_name"`
		AuthorizationServers []string `json:"authorization_servers"`
		Scopes               []string `json:"scopes_supported"`
		BearerMethods        []string `json:"bearer_methods_supported"`
		DPoPAlgorithms       []string `json:"dpop_signing_alg_values_supported"`
		CertificateBound     bool     `json:"tls_client_certificate_bound_access_tokens"`
	}{
		admin.ManagementAudience(server.Issuer), "Latchkey management API", []string{server.Issuer}, scopes, []string{"header"},
		server.DPoPSigningAlgValuesSupported, server.TLSClientCertificateBoundAccessTokens,
	})
}

// bearerChallenge is the challenge of RFC 6750 §3 with these parameters after the realm, and where to learn what the API
// takes (RFC 9728 §5.1).
func (a *API) bearerChallenge(parameters string) string {
	return `Bearer realm="latchkey"` + parameters + `, resource_metadata="` + resourceMetadata(a.issuer.URL()) + `"`
}
