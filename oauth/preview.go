package oauth

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Preview is a token as it would be issued, decoded and unsigned: nobody can use it. Its jti is empty, for every
// token gets its own.
type Preview struct {
	Algorithm string
	KeyID     string
	Claims    *bearer.Claims
}

// Preview answers the token that the client would get now for what is asked, or the [*Error] that would refuse it. It
// judges by the same rules as [Issuer.Authenticate] and [Issuer.Issue], but for the proof: it takes for granted that
// the client would prove itself, if there is anything it could do that with. An invalid address is one that every
// client may ask from. Nothing is issued, and nothing recorded.
func (i *Issuer) Preview(ctx context.Context, clientID string, from netip.Addr, asked Request) (Preview, error) {
	client, err := i.store.Client(ctx, clientID)
	if err != nil {
		return Preview{}, fmt.Errorf("looking up the client: %w", err)
	}
	now := i.now()
	if client.AuthMethod == AuthSecret && client.CurrentSecret(now) == nil {
		return Preview{}, invalidClient(ReasonNoUsableSecret, "every secret has expired or was stopped")
	}
	byKeys := client.AuthMethod == AuthPrivateKeyJWT || client.AuthMethod == AuthSelfSignedTLS
	if byKeys && len(client.Keys) == 0 && client.KeysURL == "" {
		return Preview{}, invalidClient(ReasonNoUsableKey, "no public key is registered")
	}
	if refusal := i.standing(client); refusal != nil {
		return Preview{}, refusal
	}
	if from.IsValid() && !client.MayAskFrom(from) {
		return Preview{}, notFrom(from)
	}
	granted, err := i.grant(ctx, client, asked)
	if err != nil {
		return Preview{}, err
	}
	if err := i.quotas.check(client, now); err != nil {
		return Preview{}, err
	}
	keyring := i.store.Keyring()
	active := keyring.active(cmp.Or(granted.Algorithm, i.algorithm), now)
	if active < 0 {
		return Preview{}, fmt.Errorf("previewing a token: %w", errNoActiveKey())
	}
	key := &keyring.keys[active]
	return Preview{Algorithm: string(key.Algorithm), KeyID: key.ID, Claims: i.claims(client, granted, now)}, nil
}
