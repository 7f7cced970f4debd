package oauth

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// StatusListPath is the path of the status lists below the issuer's URL, each with its number after it.
const StatusListPath = "/oauth/status/"

// Each status list has so many places. All of them being of one size, a list tells nobody how many clients there are.
const (
	StatusListBits = 20
	StatusListSize = 1 << StatusListBits
)

// StatusPlace is a place in the status lists.
type StatusPlace struct{ List, Index int64 }

const (
	// statusTTL is for how long verifiers may use a list before they ask again.
	statusTTL = time.Minute
	// A list says that it is good for statusLife, and is signed again after statusRenewal if nothing changes: whoever
	// cannot reach us may choose to trust the last one for the rest.
	statusLife    = 4 * time.Hour
	statusRenewal = time.Hour
)

// statusOf answers what the client's tokens say of their status (draft-ietf-oauth-status-list §6).
func (i *Issuer) statusOf(client *Client) *bearer.StatusReference {
	return &bearer.StatusReference{Index: client.StatusPlace.Index, URI: i.statusURI(client.StatusPlace.List)}
}

func (i *Issuer) statusURI(list int64) string {
	return i.url + StatusListPath + strconv.FormatInt(list, 10)
}

// statusLists are the lists as they were last signed, so that strangers who ask for them cost little.
type statusLists struct {
	mu   sync.Mutex
	held map[int64]*signedList
	// known is how many lists there were at this epoch.
	known, epoch int64
}

// signedList is a list of some epoch, signed once.
type signedList struct {
	epoch    int64
	packed   string
	ring     *Keyring // What it was signed with.
	signedAt time.Time
	document Document
}

// StatusList answers a signed status list (draft-ietf-oauth-status-list §5.1): which tokens have ended, whatever they
// say themselves. It holds every change made before the call, or answers an error: a list that is out of date is worse
// than none, for it cannot be told from the present one. It wraps [ErrNotFound] if no token names the list.
func (i *Issuer) StatusList(ctx context.Context, number int64) (Document, error) {
	epoch, err := i.store.Epoch(ctx)
	if err != nil {
		return Document{}, fmt.Errorf("status list %d: %w", number, err)
	}
	now := i.now()

	lists := &i.lists
	lists.mu.Lock()
	defer lists.mu.Unlock()
	held := lists.held[number]
	if held != nil && held.epoch == epoch && now.Sub(held.signedAt) < statusRenewal {
		return held.document, nil
	}
	if number < 0 || number >= lists.known && lists.epoch == epoch {
		return Document{}, fmt.Errorf("status list %d: %w", number, ErrNotFound)
	}
	retired, known, err := i.store.Retired(ctx, number)
	if err != nil {
		return Document{}, fmt.Errorf("status list %d: %w", number, err)
	}
	lists.known, lists.epoch = known, epoch
	if number >= known {
		return Document{}, fmt.Errorf("status list %d: %w", number, ErrNotFound)
	}
	packed := packStatuses(retired)
	ring := i.store.Keyring()
	if held == nil || held.packed != packed || held.ring != ring || now.Sub(held.signedAt) >= statusRenewal {
		if held, err = i.signStatuses(number, packed, ring, now); err != nil {
			return Document{}, fmt.Errorf("status list %d: %w", number, err)
		}
	}
	held.epoch = epoch
	if lists.held == nil {
		lists.held = make(map[int64]*signedList)
	}
	lists.held[number] = held
	return held.document, nil
}

// packStatuses answers a list of two bits for each place, the first in the lowest bits of a byte, compressed
// (draft-ietf-oauth-status-list §4.1, §4.2).
func packStatuses(retired map[int64]TokenStatus) string {
	const perByte, width = 4, 2
	list := make([]byte, StatusListSize/perByte)
	for index, status := range retired {
		list[index/perByte] |= byte(status) << (index % perByte * width)
	}
	var packed bytes.Buffer
	writer, _ := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	writer.Write(list) // A buffer takes everything.
	writer.Close()
	return base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// signStatuses signs a list as draft-ietf-oauth-status-list §5.1 says.
func (i *Issuer) signStatuses(number int64, packed string, ring *Keyring, now time.Time) (*signedList, error) {
	type encoded struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	}
	text, err := ring.signAs(bearer.StatusListType, struct {
		Issuer    string  `json:"iss"`
		Subject   string  `json:"sub"`
		IssuedAt  int64   `json:"iat"`
		ExpiresAt int64   `json:"exp"`
		TTL       int64   `json:"ttl"`
		List      encoded `json:"status_list"`
	}{
		i.url, i.statusURI(number), now.Unix(), now.Add(statusLife).Unix(), int64(statusTTL / time.Second),
		encoded{2, packed},
	}, i.algorithm, now)
	if err != nil {
		return nil, err
	}
	return &signedList{packed: packed, ring: ring, signedAt: now, document: NewDocument([]byte(text))}, nil
}
