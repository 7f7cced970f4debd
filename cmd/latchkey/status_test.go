package main

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// statusClaim is where a token says that its status is read.
type statusClaim struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

func statusIn(t *testing.T, claims jwt.MapClaims) statusClaim {
	t.Helper()
	var read struct {
		Status struct {
			List statusClaim `json:"status_list"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(asJSON(t, claims)), &read); err != nil || read.Status.List.URI == "" {
		t.Fatalf("a token without a status: %v, %v", claims, err)
	}
	return read.Status.List
}

// statusLists are status lists unpacked, by their URI, as one reads them who has nothing but the draft.
type statusLists map[string][]byte

// at answers the two bits of a token, from the list as it is now unless it was read before.
func (l statusLists) at(t *testing.T, p *program, status statusClaim) byte {
	t.Helper()
	if l[status.URI] == nil {
		// All programs of the tests call themselves one issuer.
		response, err := http.Get(strings.Replace(status.URI, oneIssuer, p.issuer, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/statuslist+jwt" {
			t.Fatalf("%s answered %s, %v: %s, %v", status.URI, response.Status, response.Header, text, err)
		}
		var claims struct {
			jwt.RegisteredClaims
			List struct {
				Bits int    `json:"bits"`
				List string `json:"lst"`
			} `json:"status_list"`
		}
		token, _, err := jwt.NewParser().ParseUnverified(string(text), &claims)
		if err != nil || token.Header["typ"] != "statuslist+jwt" || claims.Subject != status.URI || claims.List.Bits != 2 {
			t.Fatalf("the list is %s, %v", text, err)
		}
		packed, err := base64.RawURLEncoding.DecodeString(claims.List.List)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if l[status.URI], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
	return l[status.URI][status.Index/4] >> (status.Index % 4 * 2) & 3
}
