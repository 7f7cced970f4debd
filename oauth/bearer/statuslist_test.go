package bearer

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"testing"
)

// FuzzStatusList: no list panics, whatever index is asked for, and none is unpacked beyond its limit. A status fits in
// its bits, and the list goes as far as its bytes.
func FuzzStatusList(f *testing.F) {
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	if _, err := writer.Write([]byte{0b_11_10_01_00}); err != nil {
		f.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		f.Fatal(err)
	}
	good := base64.RawURLEncoding.EncodeToString(packed.Bytes())
	f.Add(2, good, int64(3))
	f.Add(8, good, int64(-1))
	f.Add(0, good, int64(1)<<62)
	f.Add(1, "AAAA", int64(0))
	f.Fuzz(func(t *testing.T, bits int, text string, index int64) {
		list, err := (&encodedList{Bits: bits, List: text}).unpack()
		if err != nil {
			return
		}
		if len(list.bytes) > maxStatusBytes {
			t.Errorf("unpacked to %d bytes", len(list.bytes))
		}
		status, within := list.at(index)
		if want := index >= 0 && index < int64(len(list.bytes))*8/list.bits; within != want || int(status) >= 1<<bits {
			t.Errorf("at %d of %d bytes of %d bits: %d %t", index, len(list.bytes), bits, status, within)
		}
	})
}
