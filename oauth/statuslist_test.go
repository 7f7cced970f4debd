package oauth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// retiringStore is a Store in which tokens end.
type retiringStore struct {
	*fixedStore
	epoch   int64
	retired map[int64]TokenStatus
	asked   int
	fault   error
}

func (s *retiringStore) Epoch(context.Context) (int64, error) { return s.epoch, s.fault }
func (s *retiringStore) Retired(context.Context, int64) (map[int64]TokenStatus, int64, error) {
	s.asked++
	return s.retired, 1, nil
}

// TestStatusList: a list is signed when it is another one, when the keys are, and once in a while; and no stranger
// makes the database work by asking for lists.
func TestStatusList(t *testing.T) {
	issuer, _ := testIssuer(t, activeClient())
	store := &retiringStore{fixedStore: issuer.store.(*fixedStore), epoch: 1}
	clock := testTime
	issuer.store, issuer.now = store, func() time.Time { return clock }
	list := func() string {
		t.Helper()
		document, err := issuer.StatusList(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(document.Body), ".") != 2 || document.Tag == "" {
			t.Fatalf("the list is %s", document.Body)
		}
		return document.Tag
	}
	first := list()
	if again := list(); again != first || store.asked != 1 {
		t.Errorf("an unchanged list was read %d times", store.asked)
	}
	for _, unknown := range []int64{1, 1, 1 << 40} {
		if _, err := issuer.StatusList(t.Context(), unknown); !errors.Is(err, ErrNotFound) {
			t.Errorf("list %d: %v", unknown, err)
		}
	}
	if store.asked != 1 {
		t.Error("lists that do not exist are asked for")
	}

	store.epoch++
	if other := list(); other != first || store.asked != 2 {
		t.Error("a change that ended no token made another list")
	}
	store.epoch, store.retired = 3, map[int64]TokenStatus{5: TokensSuspended}
	second := list()
	if second == first {
		t.Error("a token that ended is not in the list")
	}
	key, err := NewSigningKey(LocalKeys{}, jose.ES256, testTime, testTime)
	if err != nil {
		t.Fatal(err)
	}
	if store.keyring, err = NewKeyring([]SigningKey{key}); err != nil {
		t.Fatal(err)
	}
	store.epoch = 4
	third := list()
	if third == second {
		t.Error("the list is signed with a key that is gone")
	}
	clock = clock.Add(statusRenewal)
	if list() == third {
		t.Error("the list is not signed again in time")
	}
	store.fault = ErrUnavailable
	if _, err := issuer.StatusList(t.Context(), 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a list that may be out of date is answered: %v", err)
	}
}
