package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// The typ headers of the signed lists, the path of the deny list below the issuer's URL, and the media types.
const (
	StatusListType = "statuslist+jwt"
	DenyListType   = "denylist+jwt"
	DenyListPath   = "/oauth/denied"
)

// The sizes of what is fetched, and how many lists are held.
const (
	maxListBytes = 8 << 20
	maxLists     = 64
)

// StatusConfig says how the issuer's lists are read. Its zero value is good.
type StatusConfig struct {
	// MaxAge is how long a list is used before a newer one is asked for; a list's own ttl may make it less, down to
	// a second. 0: a minute. It bounds how long a token is still accepted after the issuer's list says otherwise.
	MaxAge time.Duration
	// FailOpen is the choice for when the issuer cannot be reached. True: the last lists are used until their own
	// exp, so what ends meanwhile is seen late. False: when the lists are older than MaxAge nothing is accepted, and
	// requests are answered 503. Either way nothing is accepted before each list was read once.
	FailOpen bool
}

// lists are the issuer's status lists and its deny list.
type lists struct {
	verifier *Verifier
	config   StatusConfig
	client   *http.Client
	status   *cache[*remote[statusList]]
	denied   *remote[map[string]bool]
}

func newLists(verifier *Verifier, config StatusConfig) (*lists, error) {
	orElse(&config.MaxAge, time.Minute)
	if config.MaxAge < time.Second {
		return nil, errors.New("the age of status lists must be at least a second")
	}
	issuer := verifier.config.Issuer
	if err := checkAddress(issuer); err != nil {
		return nil, err
	}
	l := &lists{
		verifier: verifier, config: config, client: newClient(verifier.config.Client),
		status: &cache[*remote[statusList]]{most: maxLists},
	}
	l.denied = newList(l, issuer+DenyListPath, DenyListType, parseDenyList)
	return l, nil
}

// check refuses a token that a list names. The lists are asked after everything else about the token was found good
// (draft-ietf-oauth-status-list §8.3).
func (l *lists) check(ctx context.Context, claims *Claims) error {
	if claims.Status != nil && claims.Status.List != nil {
		if err := l.checkStatus(ctx, *claims.Status.List); err != nil {
			return err
		}
	}
	denied, err := l.denied.get(ctx)
	if err != nil {
		return fmt.Errorf("reading the deny list: %w", err)
	}
	if denied[claims.ID] {
		return refuse("revoked")
	}
	return nil
}

func (l *lists) checkStatus(ctx context.Context, reference StatusReference) error {
	// Only the issuer's own lists: a token cannot send us elsewhere.
	if !strings.HasPrefix(reference.URI, l.verifier.config.Issuer+"/") {
		return refusef("its status list is not the issuer's", "%q", clip(reference.URI))
	}
	remote, known := l.status.get(reference.URI)
	if !known {
		remote = l.status.add(reference.URI, newList(l, reference.URI, StatusListType, parseStatusList))
	}
	list, err := remote.get(ctx)
	if err != nil {
		return fmt.Errorf("reading a status list: %w", err)
	}
	status, within := list.at(reference.Index)
	switch {
	case !within:
		return refusef("its index is outside the status list", "%d", reference.Index)
	case status == StatusValid:
		return nil
	case status == StatusInvalid:
		return refuse("its credential was removed or its tokens were revoked")
	case status == StatusSuspended:
		return refuse("its credential is inactive")
	}
	return refusef("its status is unknown", "%d", status)
}

// listClaims are those that both lists have.
type listClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	TTL       int64  `json:"ttl"`

	// Of a status list and of a deny list, respectively.
	StatusList *encodedList `json:"status_list"`
	TokenIDs   []string     `json:"jtis"`
}

// newList is a signed list of the issuer at this address.
func newList[T any](l *lists, address, typ string, parse func(string, *listClaims) (T, error)) *remote[T] {
	list := &remote[T]{
		url:    func(context.Context) (string, error) { return address, nil },
		client: l.client, now: l.verifier.config.Now, accept: "application/" + typ, limit: maxListBytes,
		coolDown: time.Second,
	}
	list.lifetime.least, list.lifetime.most, list.lifetime.fallback = time.Second, l.config.MaxAge, l.config.MaxAge
	if l.config.FailOpen {
		// As far as the exp of the list goes; a list without one is used for a day.
		list.stale = 24 * time.Hour
	}
	list.parse = func(ctx context.Context, body []byte) (document[T], error) {
		claims, err := l.open(ctx, string(body), typ)
		if err != nil {
			return document[T]{}, err
		}
		read := document[T]{lifetime: time.Duration(min(claims.TTL, 1<<31)) * time.Second}
		if claims.ExpiresAt != 0 {
			read.expires = time.Unix(claims.ExpiresAt, 0)
		}
		read.value, err = parse(address, claims)
		return read, err
	}
	return list
}

// open verifies a list as tokens are verified: by the same keys, and with a typ of its own.
func (l *lists) open(ctx context.Context, text, typ string) (*listClaims, error) {
	payload, err := l.verifier.verifySignature(ctx, text, typ)
	if err != nil {
		return nil, notTheToken(err)
	}
	var claims listClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, errors.New("malformed claims")
	}
	switch now := l.verifier.config.Now(); {
	case claims.IssuedAt == 0 || claims.IssuedAt > now.Add(maxSkew).Unix():
		return nil, errors.New("its iat is missing or in the future")
	case claims.TTL < 0:
		return nil, errors.New("its ttl is negative")
	}
	return &claims, nil
}

// notTheToken turns a refusal of a list into a fault: the token that is being verified cannot be blamed for it.
func notTheToken(err error) error {
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		return fmt.Errorf("%s %s", refusal.Reason, refusal.Detail)
	}
	return err
}

// parseDenyList reads the ids of the tokens that were revoked one by one.
func parseDenyList(address string, claims *listClaims) (map[string]bool, error) {
	if claims.Issuer+DenyListPath != address {
		return nil, fmt.Errorf("it is the list of %q", clip(claims.Issuer))
	}
	if claims.ExpiresAt == 0 || claims.TokenIDs == nil {
		return nil, errors.New("exp or jtis is missing")
	}
	denied := make(map[string]bool, len(claims.TokenIDs))
	for _, id := range claims.TokenIDs {
		denied[id] = true
	}
	return denied, nil
}
