package oauth

import (
	"context"

	"github.com/go-jose/go-jose/v4"
)

// The paths of the public endpoints, below the issuer's URL.
const (
	TokenPath      = "/oauth/token"
	IntrospectPath = "/oauth/introspect"
	RevokePath     = "/oauth/revoke"
	JWKSPath       = "/.well-known/jwks.json"
	MetadataPath   = "/.well-known/oauth-authorization-server"
)

// Metadata is what RFC 8414 §2 says of this server. It names only what is really on.
type Metadata struct {
	Issuer                            string   `json:"issuer"`
	TokenEndpoint                     string   `json:"token_endpoint"`
	JWKSURI                           string   `json:"jwks_uri"`
	ResponseTypesSupported            []string `json:"response_types_supported"`
	GrantTypesSupported               []string `json:"grant_types_supported"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported"`
	// The algorithms of client assertions (RFC 8414 §2).
	TokenEndpointAuthSigningAlgValuesSupported []jose.SignatureAlgorithm `json:"token_endpoint_auth_signing_alg_values_supported"`
	// The same at the other endpoints that clients authenticate at (RFC 8414 §2).
	IntrospectionEndpoint                              string                    `json:"introspection_endpoint"`
	IntrospectionEndpointAuthMethodsSupported          []string                  `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthSigningAlgValuesSupported []jose.SignatureAlgorithm `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpoint                                 string                    `json:"revocation_endpoint"`
	RevocationEndpointAuthMethodsSupported             []string                  `json:"revocation_endpoint_auth_methods_supported"`
	RevocationEndpointAuthSigningAlgValuesSupported    []jose.SignatureAlgorithm `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	// The algorithm of signed answers to introspection (RFC 9701 §7).
	IntrospectionSigningAlgValuesSupported []jose.SignatureAlgorithm `json:"introspection_signing_alg_values_supported"`
	// The algorithms of DPoP proofs (RFC 9449 §5.1).
	DPoPSigningAlgValuesSupported []string `json:"dpop_signing_alg_values_supported"`
	// Whether tokens are bound to certificates (RFC 8705 §3.3).
	TLSClientCertificateBoundAccessTokens bool `json:"tls_client_certificate_bound_access_tokens"`
}

// Metadata answers the server's metadata.
func (i *Issuer) Metadata() Metadata {
	return Metadata{
		Issuer:        i.url,
		TokenEndpoint: i.url + TokenPath,
		JWKSURI:       i.url + JWKSPath,
		// RFC 8414 §2 requires the member; there is no authorization endpoint, so nothing can be asked of it.
		ResponseTypesSupported:            []string{},
		GrantTypesSupported:               []string{"client_credentials"},
		TokenEndpointAuthMethodsSupported: i.authMethods(),

		TokenEndpointAuthSigningAlgValuesSupported:         assertionAlgorithms,
		IntrospectionEndpoint:                              i.url + IntrospectPath,
		IntrospectionEndpointAuthMethodsSupported:          i.authMethods(),
		IntrospectionEndpointAuthSigningAlgValuesSupported: assertionAlgorithms,
		RevocationEndpoint:                                 i.url + RevokePath,
		RevocationEndpointAuthMethodsSupported:             i.authMethods(),
		RevocationEndpointAuthSigningAlgValuesSupported:    assertionAlgorithms,
		IntrospectionSigningAlgValuesSupported:             []jose.SignatureAlgorithm{i.algorithm},
		DPoPSigningAlgValuesSupported:                      i.proofs.Algorithms(),
		TLSClientCertificateBoundAccessTokens:              i.mutualTLS,
	}
}

// authMethods names the methods that are on (RFC 7591 §2, RFC 8705 §2).
func (i *Issuer) authMethods() []string {
	methods := []string{"client_secret_basic", "client_secret_post"}
	for _, method := range AuthMethods {
		if method != AuthSecret && i.Takes(method) {
			methods = append(methods, string(method))
		}
	}
	return methods
}

// Takes reports whether clients can authenticate by the method as the server is configured.
func (i *Issuer) Takes(method AuthMethod) bool {
	switch method {
	case AuthTLS:
		return i.mutualTLS && i.clientCAs != nil
	case AuthSelfSignedTLS:
		return i.mutualTLS
	default:
		return true
	}
}

// JWKS answers the public keys. When they cannot be proven fresh it answers those last known: verifiers must not
// go blind because our database is away.
func (i *Issuer) JWKS(ctx context.Context) Document {
	_ = i.store.Refresh(ctx)
	return i.store.Keyring().JWKS()
}
