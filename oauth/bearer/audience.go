package bearer

import "encoding/json"

// Audience is the aud claim: always written as an array, read as an array or a single string (RFC 7519 §4.1.3).
type Audience []string

// UnmarshalJSON accepts both forms of RFC 7519 §4.1.3.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*a = make(Audience, 1)
		return json.Unmarshal(data, &(*a)[0])
	}
	return json.Unmarshal(data, (*[]string)(a))
}
