package bearer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
)

// vectors is a file of the Wycheproof project; its licence stands beside it.
type vectors struct {
	TestGroups []struct {
		Comment string          `json:"comment"`
		Public  json.RawMessage `json:"public"`
		Private json.RawMessage `json:"private"`
		Tests   []struct {
			ID      int    `json:"tcId"`
			Comment string `json:"comment"`
			JWS     string `json:"jws"`
			Result  string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func readVectors(t *testing.T, name string) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/wycheproof/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var read vectors
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// accepts verifies a JWS by a key set, as a Verifier does but for the typ, which the vectors lack. A key without a
// kid goes for the kid of the JWS.
func accepts(text string, set []byte) (header, bool) {
	jws, err := splitCompact(text)
	if err != nil {
		return header{}, false
	}
	head, err := parseHeader(jws.header)
	if err != nil || head.Critical != nil || !slices.Contains(algorithms, head.Algorithm) {
		return head, false
	}
	read, err := parseJWKS(context.Background(), set)
	if err != nil {
		return head, false
	}
	key, known := read.value[head.KeyID]
	return head, known && key.Algorithm == string(head.Algorithm) && jws.verify(head.Algorithm, key.Key)
}

func TestWycheproofSignatures(t *testing.T) {
	accepted, refused := 0, 0
	for _, group := range readVectors(t, "json_web_signature_test.json").TestGroups {
		for _, test := range group.Tests {
			var key map[string]any
			if group.Public == nil || json.Unmarshal(group.Public, &key) != nil {
				key = nil // Symmetric, and nothing that we could verify with.
			}
			if _, named := key["kid"]; key != nil && !named {
				key["kid"] = ""
			}
			if jws, err := splitCompact(test.JWS); err == nil && key != nil {
				if head, err := parseHeader(jws.header); err == nil && head.KeyID == "" {
					continue // We publish and take no key without a name.
				}
			}
			set, err := json.Marshal(map[string]any{"keys": []any{key}})
			if err != nil {
				t.Fatal(err)
			}
			head, ok := accepts(test.JWS, set)
			ours := slices.Contains(algorithms, head.Algorithm) && key["alg"] == string(head.Algorithm)
			switch {
			case test.Result == "invalid" && ok:
				t.Errorf("%s %d (%s): accepted", group.Comment, test.ID, test.Comment)
			case test.Result == "valid" && !ok && ours:
				t.Errorf("%s %d (%s): refused", group.Comment, test.ID, test.Comment)
			case ok:
				accepted++
			default:
				refused++
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted < 15 || refused < 200 {
		t.Error("the vectors hardly were tried")
	}
}

func TestWycheproofKeys(t *testing.T) {
	for _, group := range readVectors(t, "json_web_key_test.json").TestGroups {
		for _, test := range group.Tests {
			set := group.Public
			if set == nil {
				set = group.Private
			}
			head, ok := accepts(test.JWS, set)
			name := fmt.Sprintf("%s %d (%s)", group.Comment, test.ID, test.Comment)
			switch {
			case test.Result == "invalid" && ok:
				t.Errorf("%s: accepted", name)
			case test.Result == "valid" && !ok && slices.Contains(algorithms, head.Algorithm):
				t.Errorf("%s: refused", name)
			}
		}
	}
}
