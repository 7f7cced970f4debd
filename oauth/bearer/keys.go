package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The sizes of what is fetched, in bytes and in keys.
const (
	maxMetadataBytes = 64 << 10
	maxJWKSBytes     = 256 << 10
	maxKeys          = 100
)

// KeySource finds the issuer's public keys.
type KeySource interface {
	// Key answers the public key with this id. It wraps ErrUnknownKey when the issuer has published no such key.
	Key(ctx context.Context, kid string) (jose.JSONWebKey, error)
}

// KeysConfig is what Keys are made of. One of Issuer and URL is required.
type KeysConfig struct {
	// Issuer is the issuer identifier, whose metadata (RFC 8414) says where its JWKS is.
	Issuer string
	// URL is the JWKS itself. Both must be https, or http on a loopback address.
	URL string
	// Client fetches, without following redirects; nil: one of ours. Its transport says which proxies are used and
	// which certificates are trusted.
	Client *http.Client
	// MinAge and MaxAge bound how long the keys are kept, whatever Cache-Control says; 0: a minute, an hour. MaxAge
	// is also how long a key that the issuer has revoked is still believed.
	MinAge, MaxAge time.Duration
	// Stale is for how long after that the keys are still used while the issuer cannot be reached; 0: a day.
	Stale time.Duration
	// CoolDown is the shortest time between two fetches that failed, or that an unknown kid caused; 0: 30 seconds.
	CoolDown time.Duration
	// Now answers the time; nil: [time.Now].
	Now func() time.Time
}

// Keys are the keys of an issuer, fetched when the first is asked for, then kept and renewed. They are safe for
// concurrent use, and need not be closed: no goroutine outlives a fetch, which ends within ten seconds.
type Keys struct {
	jwks *remote[map[string]jose.JSONWebKey]
}

// NewKeys makes Keys and checks their config. It fetches nothing.
func NewKeys(config KeysConfig) (*Keys, error) {
	if (config.Issuer == "") == (config.URL == "") {
		return nil, errors.New("keys need either an issuer or a URL")
	}
	if err := checkAddress(config.Issuer + config.URL); err != nil {
		return nil, err
	}
	orElse(&config.MinAge, time.Minute)
	orElse(&config.MaxAge, time.Hour)
	orElse(&config.Stale, 24*time.Hour)
	orElse(&config.CoolDown, 30*time.Second)
	if config.MinAge < 0 || config.MaxAge < config.MinAge || config.Stale < 0 || config.CoolDown < 0 {
		return nil, errors.New("the ages of keys must be positive, and the largest no smaller than the smallest")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	config.Client = newClient(config.Client)
	location := func(context.Context) (string, error) { return config.URL, nil }
	if config.URL == "" {
		metadata := newMetadata(config)
		location = metadata.get
	}
	jwks := &remote[map[string]jose.JSONWebKey]{
		url: location, client: config.Client, now: config.Now, accept: "application/jwk-set+json, application/json",
		limit: maxJWKSBytes, parse: parseJWKS, stale: config.Stale, coolDown: config.CoolDown,
	}
	jwks.lifetime.least, jwks.lifetime.most = config.MinAge, config.MaxAge
	jwks.lifetime.fallback = config.MaxAge
	return &Keys{jwks}, nil
}

func orElse[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// Key answers the key with this id. A kid that is not among the keys at hand has them fetched anew, unless that
// happened within the cool-down: rotation is seen at once, and made-up kids do not become requests.
func (k *Keys) Key(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	keys, err := k.jwks.get(ctx)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if key, known := keys[kid]; known {
		return key, nil
	}
	if keys, err = k.jwks.news(ctx); err != nil {
		return jose.JSONWebKey{}, err
	}
	if key, known := keys[kid]; known {
		return key, nil
	}
	return jose.JSONWebKey{}, ErrUnknownKey
}

// newMetadata is the issuer's metadata, of which only the address of the keys is kept.
func newMetadata(config KeysConfig) *remote[string] {
	metadata := &remote[string]{
		url:    func(context.Context) (string, error) { return metadataURL(config.Issuer) },
		client: config.Client, now: config.Now, accept: "application/json", limit: maxMetadataBytes,
		parse: func(_ context.Context, body []byte) (document[string], error) {
			var said struct {
				Issuer  string `json:"issuer"`
				JWKSURI string `json:"jwks_uri"`
			}
			if err := json.Unmarshal(body, &said); err != nil {
				return document[string]{}, err
			}
			// RFC 8414 §3.3: or somebody else's metadata would bring somebody else's keys.
			if said.Issuer != config.Issuer {
				return document[string]{}, fmt.Errorf("it is the metadata of %q", clip(said.Issuer))
			}
			return document[string]{value: said.JWKSURI}, checkAddress(said.JWKSURI)
		},
		stale: config.Stale, coolDown: config.CoolDown,
	}
	metadata.lifetime.least, metadata.lifetime.most, metadata.lifetime.fallback = config.MaxAge, config.MaxAge, config.MaxAge
	return metadata
}

// metadataURL puts the well-known part between the host and the path of the issuer (RFC 8414 §3.1).
func metadataURL(issuer string) (string, error) {
	address, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	path := address.EscapedPath()
	if path == "/" {
		path = ""
	}
	return address.Scheme + "://" + address.Host + "/.well-known/oauth-authorization-server" + path, nil
}

// parseJWKS reads a key set (RFC 7517 §5). Keys of a kind that we do not know, or made for something else, are
// passed over (§5: SHOULD ignore); a kid that stands for two keys is nobody's.
func parseJWKS(_ context.Context, body []byte) (document[map[string]jose.JSONWebKey], error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return document[map[string]jose.JSONWebKey]{}, err
	}
	if len(set.Keys) > maxKeys {
		return document[map[string]jose.JSONWebKey]{}, fmt.Errorf("it holds more than %d keys", maxKeys)
	}
	keys, seen := make(map[string]jose.JSONWebKey), make(map[string]bool)
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil || key.KeyID == "" {
			continue
		}
		if seen[key.KeyID] {
			delete(keys, key.KeyID)
			continue
		}
		seen[key.KeyID] = true
		if forVerifying(raw, key) {
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return document[map[string]jose.JSONWebKey]{}, errors.New("it holds no key to verify with")
	}
	return document[map[string]jose.JSONWebKey]{value: keys}, nil
}

// forVerifying reports whether a key is public, strong, and made to verify one of our algorithms.
func forVerifying(raw json.RawMessage, key jose.JSONWebKey) bool {
	var limits struct {
		Operations []string `json:"key_ops"`
	}
	if json.Unmarshal(raw, &limits) != nil || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if limits.Operations != nil && !slices.Contains(limits.Operations, "verify") {
		return false
	}
	return strong(key.Key) && slices.Contains(algorithms, jose.SignatureAlgorithm(key.Algorithm))
}
