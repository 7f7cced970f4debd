package bearer

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// The status types (draft-ietf-oauth-status-list §7.1) that Latchkey uses. Any other is refused.
const (
	StatusValid     byte = 0
	StatusInvalid   byte = 1 // Deleted or revoked: for good.
	StatusSuspended byte = 2 // Inactive.
)

// maxStatusBytes bounds a status list when it is unpacked: 64 million tokens of two bits.
const maxStatusBytes = 16 << 20

// encodedList is a status list as JSON (draft-ietf-oauth-status-list §4.2).
type encodedList struct {
	Bits int    `json:"bits"`
	List string `json:"lst"`
}

// statusList is a status list unpacked.
type statusList struct {
	bits  int64
	bytes []byte
}

// parseStatusList reads the list of these claims.
func parseStatusList(address string, claims *listClaims) (statusList, error) {
	// §8.3: one list cannot stand for another.
	if claims.Subject != address {
		return statusList{}, fmt.Errorf("it is the list of %q", clip(claims.Subject))
	}
	if claims.StatusList == nil {
		return statusList{}, errors.New("status_list is missing")
	}
	return claims.StatusList.unpack()
}

func (e *encodedList) unpack() (statusList, error) {
	switch e.Bits {
	case 1, 2, 4, 8:
	default:
		return statusList{}, fmt.Errorf("a status of %d bits", e.Bits)
	}
	packed, err := decode(e.List)
	if err != nil {
		return statusList{}, fmt.Errorf("lst: %w", err)
	}
	reader, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return statusList{}, fmt.Errorf("lst: %w", err)
	}
	unpacked, err := io.ReadAll(io.LimitReader(reader, maxStatusBytes+1))
	if err != nil {
		return statusList{}, fmt.Errorf("lst: %w", err)
	}
	if len(unpacked) > maxStatusBytes {
		return statusList{}, fmt.Errorf("lst unpacks to more than %d bytes", maxStatusBytes)
	}
	return statusList{bits: int64(e.Bits), bytes: unpacked}, nil
}

// at answers the status at an index, and whether the list goes that far. The first status of a byte stands in its
// lowest bits (§4.1).
func (s statusList) at(index int64) (status byte, within bool) {
	perByte := 8 / s.bits
	if index < 0 || index/perByte >= int64(len(s.bytes)) {
		return 0, false
	}
	return s.bytes[index/perByte] >> (index % perByte * s.bits) & (1<<s.bits - 1), true
}
