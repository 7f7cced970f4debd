package oauth

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// fill sets everything in a value that can be set to something that is not zero, so that a field which is new is missed
// here too. Every text is different, and has what must be escaped.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("\"\\\x00\n\u2028é😀 " + strings.Repeat("x", *n))
	case reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("a claim of a kind that is new: " + v.Kind().String())
	}
}

func TestAppendClaims(t *testing.T) {
	var whole bearer.Claims
	n := 0
	fill(reflect.ValueOf(&whole).Elem(), &n)
	for name, claims := range map[string]*bearer.Claims{
		"whole": &whole,
		"least": {Audience: bearer.Audience{}, AuthorizationDetails: []bearer.AuthorizationDetail{{Actions: []string{}}}},
		"hollow": {
			Audience: bearer.Audience{"a"}, AuthorizationDetails: []bearer.AuthorizationDetail{},
			Confirmation: &bearer.Confirmation{},
		},
		"brackets": {Issuer: "[", Subject: "{", Audience: bearer.Audience{"[", "{", ","}, AuthorizationDetails: []bearer.AuthorizationDetail{}},
	} {
		want, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		var got, expected any
		text := appendClaims([]byte("before "), claims)[len("before "):]
		if err := json.Unmarshal(text, &got); err != nil {
			t.Errorf("%s: %v: %s", name, err, text)
			continue
		}
		if err := json.Unmarshal(want, &expected); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, expected) {
			t.Errorf("%s:\n got %s\nwant %s", name, text, want)
		}
	}
	if text := appendClaims(nil, &bearer.Claims{Issuer: "\xff"}); !json.Valid(text) {
		t.Errorf("what is no UTF-8 makes %s", text)
	}
}

func BenchmarkAppendClaims(b *testing.B) {
	claims := bearer.Claims{
		Issuer: "https://auth.example.com", Subject: "cid_2v5JzQ8kTq3mX7nB4cDe", ClientID: "cid_2v5JzQ8kTq3mX7nB4cDe",
		Audience: bearer.Audience{"https://api.example.com"}, IssuedAt: 1_790_000_000, ExpiresAt: 1_790_000_600,
		ID: "V7Q2MZ5KXH3CJ6WQ4RTB2ASDFG", Scope: "profile:read data-plans:write", OrgID: "org_example",
		AuthorizationDetails: []bearer.AuthorizationDetail{
			{Type: "profile", Actions: []string{"read"}, Places: bearer.Places{Workspaces: []string{"ws_eu_prod"}}},
			{Type: "data-plans", Actions: []string{"write"}, Places: bearer.Places{AllWorkspacesOf: []string{"acc_eu"}}},
		},
		Status: &bearer.Status{List: &bearer.StatusReference{Index: 1234, URI: "https://auth.example.com/oauth/status/0"}},
	}
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		var room [1024]byte
		for b.Loop() {
			appendClaims(room[:0], &claims)
		}
	})
	b.Run("Marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			json.Marshal(&claims)
		}
	})
}
