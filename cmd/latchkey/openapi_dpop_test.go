package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// bound makes a credential that must have its tokens bound, and asks for one without a proof and with it.
func (k *contract) bound(t *testing.T, manage string) {
	id, secret := k.create(t, manage, `{"name": "Bound", "org_id": "org_example", "dpop_required": true,
		"grants": [{"api": "latchkey", "permissions": ["credentials:read"], "applies_to": {"installation": true}}]}`)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	asking := attempt{"POST", oauth.TokenPath, "", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode()}
	k.do(t, http.StatusBadRequest, asking)
	holder := bearertest.New(t).NewHolder()
	proof := proofOf(holder, "POST", k.url+oauth.TokenPath, "", "")
	body, _ := k.do(t, http.StatusOK, asking.with("DPoP", proof))
	var answered tokenAnswer
	if err := json.Unmarshal(body, &answered); err != nil || answered.Type != "DPoP" {
		t.Errorf("with a proof: %s %v", body, err)
	}
	k.do(t, http.StatusBadRequest, asking.with("DPoP", proof))

	// Our own API takes the token with a new proof of its key for each request, and in no other way.
	me := attempt{"GET", "/admin/v1/me", "", http.Header{"Authorization": {"DPoP " + answered.Token}}, ""}
	prove := func(holder *bearertest.Holder, method, path, token string) attempt {
		return me.with("DPoP", proofOf(holder, method, k.url+path, "", token))
	}
	good := prove(holder, "GET", "/admin/v1/me", answered.Token)
	k.do(t, http.StatusOK, good)
	stranger := bearertest.New(t).NewHolder()
	for name, refused := range map[string]struct {
		attempt
		code string
	}{
		"again":           {good, "invalid_dpop_proof"},
		"without a proof": {me, "invalid_dpop_proof"},
		"as a bearer":     {me.with("Authorization", "Bearer "+answered.Token), `Bearer realm="latchkey", error="invalid_token"`},
		"other key":       {prove(stranger, "GET", "/admin/v1/me", answered.Token), "invalid_token"},
		"other path":      {prove(holder, "GET", "/admin/v1/apis", answered.Token), "invalid_dpop_proof"},
		"other method":    {prove(holder, "POST", "/admin/v1/me", answered.Token), "invalid_dpop_proof"},
		"other token":     {prove(holder, "GET", "/admin/v1/me", "other"), "invalid_dpop_proof"},
		"not bound": {prove(holder, "GET", "/admin/v1/me", strings.TrimPrefix(manage, "Bearer ")).
			with("Authorization", "DPoP "+strings.TrimPrefix(manage, "Bearer ")), "invalid_token"},
	} {
		_, header := k.do(t, http.StatusUnauthorized, refused.attempt)
		if challenge := header.Get("WWW-Authenticate"); !strings.Contains(challenge, refused.code) {
			t.Errorf("%s: %s", name, challenge)
		}
	}
}
