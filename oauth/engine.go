package oauth

import (
	"context"
	"errors"

	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
)

// This file is the only one that knows go-oauth2. Its manager sees a request only after Authenticate and Grant
// have judged it; its client store, token generator and token store are the three small types below.

// engine takes judged requests through go-oauth2's manager.
type engine struct{ manager *manage.Manager }

// newEngine makes an engine whose tokens are minted by mint.
func newEngine(mint func(*Client, Granted) (string, error)) engine {
	manager := manage.NewManager()
	manager.MapClientStorage(provenClients{})
	manager.MapAccessGenerate(minter{mint})
	manager.MapTokenStorage(keepsNothing{})
	return engine{manager}
}

// issue answers the signed token of a client for what it has been granted.
func (e engine) issue(ctx context.Context, client *Client, granted Granted) (string, error) {
	info, err := e.manager.GenerateAccessToken(
		context.WithValue(ctx, issuanceKey{}, &issuance{client, granted}),
		oauth2.ClientCredentials,
		&oauth2.TokenGenerateRequest{ClientID: client.ID, AccessTokenExp: granted.Lifetime})
	if err != nil {
		return "", err
	}
	return info.GetAccess(), nil
}

// issuance travels in the context through the manager: a proven client, and what it has been granted.
type issuance struct {
	client  *Client
	granted Granted
}

type issuanceKey struct{}

func issuanceFrom(ctx context.Context) (*issuance, error) {
	if judged, ok := ctx.Value(issuanceKey{}).(*issuance); ok {
		return judged, nil
	}
	return nil, errors.New("the client has not been authenticated")
}

// provenClients is the client store: it knows only the client that has been proven.
type provenClients struct{}

func (provenClients) GetByID(ctx context.Context, _ string) (oauth2.ClientInfo, error) {
	judged, err := issuanceFrom(ctx)
	if err != nil {
		return nil, err
	}
	return provenClient{judged.client}, nil
}

// provenClient is a client as the manager sees it. VerifyPassword keeps the manager from comparing secrets.
type provenClient struct{ client *Client }

func (p provenClient) GetID() string            { return p.client.ID }
func (provenClient) GetSecret() string          { return "" }
func (provenClient) GetDomain() string          { return "" }
func (provenClient) IsPublic() bool             { return false }
func (provenClient) GetUserID() string          { return "" }
func (provenClient) VerifyPassword(string) bool { return true }

// minter generates access tokens.
type minter struct {
	mint func(*Client, Granted) (string, error)
}

func (m minter) Token(ctx context.Context, _ *oauth2.GenerateBasic, _ bool) (access, refresh string, err error) {
	judged, err := issuanceFrom(ctx)
	if err != nil {
		return "", "", err
	}
	access, err = m.mint(judged.client, judged.granted)
	return access, "", err
}

// keepsNothing is the token store: a signed token speaks for itself. The manager calls Create alone; the rest of
// the interface is embedded as nil, so that a call to it would be found at once.
type keepsNothing struct{ oauth2.TokenStore }

func (keepsNothing) Create(context.Context, oauth2.TokenInfo) error { return nil }
