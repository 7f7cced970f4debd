package oauth

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// distinguishedName is a name of X.500 in the order of RFC 4514 §2.1: the most special part first.
type distinguishedName [][]nameAttribute

// nameAttribute is one attribute of a part, by its dotted OID.
type nameAttribute struct{ oid, value string }

// nameTypes are the attributes that RFC 4514 §3 has short names for, and those that openssl writes besides.
var nameTypes = map[string]string{
	"CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6",
	"STREET": "2.5.4.9", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
	"SERIALNUMBER": "2.5.4.5", "POSTALCODE": "2.5.4.17", "EMAILADDRESS": "1.2.840.113549.1.9.1",
}

var errNotDN = errors.New("this is not a distinguished name as RFC 4514 writes it, such as CN=client,O=Example,C=US")

// parseDN reads a distinguished name (RFC 4514 §3).
func parseDN(text string) (distinguishedName, error) {
	var name distinguishedName
	var part []nameAttribute
	for rest, more := text, true; more; {
		kind, after, found := strings.Cut(rest, "=")
		oid := oidOf(strings.TrimSpace(kind))
		value, end, ok := readNameValue(after)
		if !found || oid == "" || !ok {
			return nil, errNotDN
		}
		part = append(part, nameAttribute{oid, value})
		rest, more = after[end:], end < len(after)
		if !more || rest[0] == ',' {
			sortAttributes(part)
			name, part = append(name, part), nil
		}
		if more {
			rest = rest[1:]
		}
	}
	return name, nil
}

// oidOf answers the dotted OID of an attribute's short name or of itself, or nothing.
func oidOf(kind string) string {
	if oid := nameTypes[strings.ToUpper(kind)]; oid != "" {
		return oid
	}
	if strings.Contains(kind, ".") && !strings.ContainsFunc(kind, func(char rune) bool { return char != '.' && (char < '0' || char > '9') }) {
		return kind
	}
	return ""
}

// readNameValue reads a value up to the comma or plus that ends it, and answers where that is. Escapes are those of
// RFC 4514 §2.4. A value in # and hex is refused: the text of it says the same.
func readNameValue(text string) (value string, end int, ok bool) {
	var read strings.Builder
	kept := 0 // Space that is not escaped does not belong to the end of a value.
	for ; end < len(text) && text[end] != ',' && text[end] != '+'; end++ {
		char := text[end]
		if char == '\\' {
			if octet, err := hex.DecodeString(text[end+1 : min(end+3, len(text))]); err == nil && len(octet) == 1 {
				char, end = octet[0], end+2
			} else if end+1 < len(text) && strings.IndexByte(` "#+,;<=>\`, text[end+1]) >= 0 {
				char, end = text[end+1], end+1
			} else {
				return "", 0, false
			}
			read.WriteByte(char)
			kept = read.Len()
			continue
		}
		if strings.IndexByte("\x00\";<>", char) >= 0 || char == '#' && read.Len() == 0 {
			return "", 0, false
		}
		if char == ' ' && read.Len() == 0 {
			continue
		}
		read.WriteByte(char)
		if char != ' ' {
			kept = read.Len()
		}
	}
	return read.String()[:kept], end, kept > 0
}

// equal reports whether a DER-encoded name is this one: the same parts in the same order, and in each the same
// attributes. Values are the same to the last byte, whatever string type they are written in.
func (n distinguishedName) equal(der []byte) bool {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &sequence); err != nil || len(rest) > 0 || len(sequence) != len(n) {
		return false
	}
	for i, set := range sequence {
		part := make([]nameAttribute, len(set))
		for j, attribute := range set {
			value, isText := attribute.Value.(string)
			if !isText {
				return false
			}
			part[j] = nameAttribute{attribute.Type.String(), value}
		}
		sortAttributes(part)
		if !slices.Equal(part, n[len(n)-1-i]) {
			return false
		}
	}
	return true
}

// sortAttributes gives the attributes of one part an order, which they do not have by themselves.
func sortAttributes(part []nameAttribute) {
	slices.SortFunc(part, func(a, b nameAttribute) int { return strings.Compare(a.oid+"="+a.value, b.oid+"="+b.value) })
}
