package rest

import (
	"testing"

	"github.com/latchkey-auth/latchkey/admin"
)

func TestInUseIsCapped(t *testing.T) {
	for total, want := range map[int]string{1: "1", admin.MaxUsers: "1000", admin.MaxUsers + 1: "1000+"} {
		wire := inUseOf(&admin.InUseError{Total: total, Credentials: make([]admin.Loss, total)})
		if wire.Total != want || len(wire.Credentials) != min(total, maxNamed) || wire.Credentials[0].Loses == nil || wire.Children == nil {
			t.Errorf("%d are written as %s, with %d credentials", total, wire.Total, len(wire.Credentials))
		}
	}
}
