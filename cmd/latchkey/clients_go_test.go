package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// goClients are the ways in which golang.org/x/oauth2 gets a token. By default it tries the header, and then the body.
func goClients() []client {
	var clients []client
	for name, style := range map[string]oauth2.AuthStyle{
		"default": oauth2.AuthStyleAutoDetect, "header": oauth2.AuthStyleInHeader, "body": oauth2.AuthStyleInParams,
	} {
		clients = append(clients, client{"x-oauth2 " + name, func(ctx context.Context, who identity) (string, error) {
			config := clientcredentials.Config{
				ClientID: who.id, ClientSecret: who.secret, TokenURL: who.issuer + oauth.TokenPath, AuthStyle: style,
			}
			token, err := config.Token(ctx)
			if retrieve, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
				return "", &refusal{retrieve.Response.StatusCode, retrieve.ErrorCode}
			}
			if err != nil {
				return "", err
			}
			return token.AccessToken, nil
		}})
	}
	return clients
}

func goVerifiers() []verifier {
	return []verifier{{"go-oidc", verifyWithOIDC}, {"jwx", verifyWithJWX}, {"go-jose", verifyWithJose}}
}

// verifyWithOIDC uses go-oidc as resource servers do: as a verifier of ID tokens, whose client is the audience.
func verifyWithOIDC(ctx context.Context, issuer, audience, token string) (*bearer.Claims, error) {
	keys := oidc.NewRemoteKeySet(ctx, issuer+oauth.JWKSPath)
	config := &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}}
	verified, err := oidc.NewVerifier(issuer, keys, config).Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	claims := new(bearer.Claims)
	return claims, verified.Claims(claims)
}

func verifyWithJWX(ctx context.Context, issuer, audience, token string) (*bearer.Claims, error) {
	keys, err := jwk.Fetch(ctx, issuer+oauth.JWKSPath)
	if err != nil {
		return nil, err
	}
	verified, err := jwt.Parse([]byte(token), jwt.WithKeySet(keys), jwt.WithIssuer(issuer), jwt.WithAudience(audience))
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(verified)
	if err != nil {
		return nil, err
	}
	claims := new(bearer.Claims)
	return claims, json.Unmarshal(text, claims)
}

func verifyWithJose(ctx context.Context, issuer, audience, token string) (*bearer.Claims, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+oauth.JWKSPath, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(response.Body).Decode(&keys); err != nil {
		return nil, err
	}
	parsed, err := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	var registered josejwt.Claims
	claims := new(bearer.Claims)
	if err := parsed.Claims(&keys, &registered, claims); err != nil {
		return nil, err
	}
	return claims, registered.Validate(josejwt.Expected{
		Issuer: issuer, AnyAudience: josejwt.Audience{audience}, Time: time.Now(),
	})
}
