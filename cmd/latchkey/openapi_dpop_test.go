package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// bound makes a credential that must have its tokens bound, and asks for one without a proof and with it.
func (k *contract) bound(t *testing.T, manage string) {
	id, secret := k.create(t, manage, `{"name": "Bound", "org_id": "org_example", "dpop_required": true,
		"grants": [{"api": "profile", "permissions": ["read"], "applies_to": {"workspaces": ["ws_eu_prod"]}}]}`)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	asking := attempt{"POST", oauth.TokenPath, "", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode()}
	k.do(t, http.StatusBadRequest, asking)
	proof := proofOf(bearertest.New(t).NewHolder(), "POST", k.url+oauth.TokenPath, "")
	body, _ := k.do(t, http.StatusOK, asking.with("DPoP", proof))
	var answered tokenAnswer
	if err := json.Unmarshal(body, &answered); err != nil || answered.Type != "DPoP" {
		t.Errorf("with a proof: %s %v", body, err)
	}
	k.do(t, http.StatusBadRequest, asking.with("DPoP", proof))
}
