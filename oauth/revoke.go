package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// DenyListPath is the path of the deny list below the issuer's URL.
const DenyListPath = bearer.DenyListPath

// DeniedTokens are tokens that were revoked one by one: when each expires, by its jti. It is a snapshot and never
// changes.
type DeniedTokens map[string]time.Time

// RevokedToken is a token that its own client gives up.
type RevokedToken struct {
	ID        string // Its jti.
	Client    *Client
	ExpiresAt time.Time
	// At is when, Address where from and RequestID by which request it was revoked.
	At        time.Time
	Address   string
	RequestID string
}

// Revocations keeps the tokens that were revoked one by one, for all replicas, until they expire.
type Revocations interface {
	// DenyToken notes the token, with an Event, before it answers. Of very many of one client it may end all that the
	// client has.
	DenyToken(ctx context.Context, token RevokedToken) error
}

// Revoke ends one token of the caller's, everywhere where a token is asked about or the deny list is read (RFC 7009
// §2). A token that is not in force, or is none of the caller's, is passed over: it has what the caller asked for, or is
// none of its business (§2.2).
func (i *Issuer) Revoke(ctx context.Context, caller Caller, token, requestID string) error {
	if err := i.spendAssertion(ctx, caller); err != nil {
		return err
	}
	claims, _, err := i.read(ctx, token)
	switch refusal := (*bearer.Refusal)(nil); {
	case errors.As(err, &refusal):
		return nil
	case err != nil:
		return fmt.Errorf("revoking a token: %w", err)
	case claims.ClientID != caller.ID:
		return nil
	}
	return i.revocations.DenyToken(ctx, RevokedToken{
		ID: claims.ID, Client: caller.Client, ExpiresAt: time.Unix(claims.ExpiresAt, 0).UTC(),
		At: i.now(), Address: caller.From.String(), RequestID: requestID,
	})
}

// denyList is the deny list as it was last signed.
type denyList struct {
	mu       sync.Mutex
	epoch    int64
	ids      []string
	ring     *Keyring
	signedAt time.Time
	document Document
}

// DenyList answers the signed list of the tokens that were revoked one by one and have not expired. Like a status list
// it holds every change made before the call, or there is none.
func (i *Issuer) DenyList(ctx context.Context) (Document, error) {
	epoch, err := i.store.Epoch(ctx)
	if err != nil {
		return Document{}, fmt.Errorf("deny list: %w", err)
	}
	now := i.now()
	list := &i.denyList
	list.mu.Lock()
	defer list.mu.Unlock()
	due := list.document.Body == nil || now.Sub(list.signedAt) >= statusRenewal
	if !due && list.epoch == epoch {
		return list.document, nil
	}
	ids, ring := []string{}, i.store.Keyring()
	for id, expiresAt := range i.store.Denied() {
		if expiresAt.After(now) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if due || list.ring != ring || !slices.Equal(list.ids, ids) {
		text, err := ring.signAs(bearer.DenyListType, struct {
			Issuer    string   `json:"iss"`
			IssuedAt  int64    `json:"iat"`
			ExpiresAt int64    `json:"exp"`
			TTL       int64    `json:"ttl"`
			TokenIDs  []string `json:"jtis"`
		}{i.url, now.Unix(), now.Add(statusLife).Unix(), int64(statusTTL / time.Second), ids}, i.algorithm, now)
		if err != nil {
			return Document{}, fmt.Errorf("deny list: %w", err)
		}
		list.ids, list.ring, list.signedAt, list.document = ids, ring, now, NewDocument([]byte(text))
	}
	list.epoch = epoch
	return list.document, nil
}
