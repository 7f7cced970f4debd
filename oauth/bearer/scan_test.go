package bearer

import (
	"encoding/json"
	"reflect"
	"testing"

	josejson "github.com/go-jose/go-jose/v4/json"
)

func fullClaims() *Claims {
	return &Claims{
		Issuer: "https://issuer.example", Subject: "cid_a", ClientID: "cid_a", Audience: Audience{"https://api.example", "https://b.example"},
		IssuedAt: 1795435200, ExpiresAt: 1795435500, ID: "x", Scope: "profile:read events:write", OrgID: "org_a",
		AuthorizationDetails: []AuthorizationDetail{
			{Type: "profile", Actions: []string{"read"}, Places: Places{Workspaces: []string{"ws_1", "ws_2"}}},
			{Type: "events", Actions: []string{"write"}, Places: Places{AllWorkspacesOf: []string{"acc_1"}, Accounts: []string{"acc_2"}}},
			{Type: "roles", Actions: []string{"admin"}, Places: Places{Org: true, Installation: true}},
		},
		Status:       &Status{List: &StatusReference{Index: 77, URI: "https://issuer.example/oauth/status/1"}},
		Confirmation: &Confirmation{Thumbprint: "abc", Certificate: "def"},
	}
}

// TestScanReadsWhatWeWrite holds that the issuer's tokens take the short way.
func TestScanReadsWhatWeWrite(t *testing.T) {
	want := fullClaims()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Claims
	if scan := (scanner{text: string(text)}); !scan.claims(&got) || !reflect.DeepEqual(&got, want) {
		t.Errorf("%s\nis read as %+v", text, got)
	}
}

// FuzzScan holds that the short way and the long way never differ.
func FuzzScan(f *testing.F) {
	text, err := json.Marshal(fullClaims())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(text), `{}`, `{`, `{"iss":"a"`, `{"iss":"a",}`, `{"iss":"a","iss":"b"}`, `{"aud":"a"}`, `{"aud":["a",]}`, `{"aud":[]}`,
		`{"aud":["a"`, `{"exp":1.5}`, `{"exp":01}`, `{"exp":-1}`, `{"exp":}`, `{"exp":`, `{"exp":99999999999999999999}`, `{"cnf":{}}`, `{"cnf":{}`, `{"aud":["a"]`,
		`{"status":{}}`, `{"status":{"status_list":{}}}`, `{"status":{"status_list":{},"status_list":{}}}`, `{"iss":"\u0041"}`,
		`{"authorization_details":[{"org":true}]}`, `{"authorization_details":[{"org":tru`, `{"authorization_details":[{"org":false}]}`,
		`{"authorization_details":[{},{}]}`, `{"authorization_details":[{"type":"a"}{"type":"b"}]}`, `{"iss":"a"}}`, `[]`, `null`, ``, `{"iss":"é"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var short, long Claims
		scan := scanner{text: text}
		if !scan.claims(&short) {
			return
		}
		if err := josejson.Unmarshal([]byte(text), &long); err != nil || !reflect.DeepEqual(short, long) {
			t.Errorf("%q\nis read as %+v\nand, by %v, as %+v", text, short, err, long)
		}
	})
}
