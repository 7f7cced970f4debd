package storage

import (
	"crypto/x509"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
	"unique"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-auth/latchkey/oauth"
)

// packedClient is a client as the memory keeps thousands of them: one text instead of some fifteen objects, and without
// what the protocol does not read. With 10,000 clients in memory a server takes 12 MiB less this way, and a token no more
// of the processor.
type packedClient struct {
	text string
	rest *packedRest // Nil for most clients.
}

// packedRest is what few clients have, and is better not made anew for each token: many grants and keys, for what a token
// allocates shall not grow with them, and networks.
type packedRest struct {
	grants   []oauth.Grant
	keys     []jose.JSONWebKey
	networks []netip.Prefix
}

const (
	// packedTexts is how many keys of APIs and permissions, and ids of places, a client may have that are packed.
	packedTexts = 10
	// packedKeys is how many public keys a client may have that are packed: one, and another while they change.
	packedKeys = 2
)

// pack packs a client.
func pack(client *oauth.Client) packedClient {
	p, plain := packing{written: make([]byte, 0, 256)}, *client
	var rest packedRest
	if many(client.Grants) {
		plain.Grants, rest.grants = nil, share(client.Grants)
	}
	if len(client.Keys) > packedKeys {
		plain.Keys, rest.keys = nil, client.Keys
	}
	rest.networks = client.AllowedCIDRs
	p.client(&plain)
	packed := packedClient{text: string(p.written)}
	if len(rest.grants)+len(rest.keys)+len(rest.networks) > 0 {
		packed.rest = &rest
	}
	return packed
}

func many(grants []oauth.Grant) bool {
	texts := 0
	for _, grant := range grants {
		places := grant.AppliesTo
		texts += 1 + len(grant.Permissions) + len(places.Accounts) + len(places.Workspaces) + len(places.AllWorkspacesOf)
	}
	return texts > packedTexts
}

// share replaces the texts that many clients have in common by one copy of each.
func share(grants []oauth.Grant) []oauth.Grant {
	for i := range grants {
		grant := &grants[i]
		grant.API = unique.Make(grant.API).Value()
		places := &grant.AppliesTo
		for _, texts := range [][]string{grant.Permissions, places.Accounts, places.Workspaces, places.AllWorkspacesOf} {
			for i := range texts {
				texts[i] = unique.Make(texts[i]).Value()
			}
		}
	}
	return slices.Clone(grants) // JSON is read into lists with room for more.
}

// unpack answers the client. Its texts are parts of the packed one.
func (c packedClient) unpack() *oauth.Client {
	p, client := packing{reads: true, unread: c.text}, new(oauth.Client)
	p.client(client)
	if c.rest != nil {
		client.AllowedCIDRs = c.rest.networks
		if c.rest.grants != nil {
			client.Grants = c.rest.grants
		}
		if c.rest.keys != nil {
			client.Keys = c.rest.keys
		}
	}
	return client
}

// id answers the client's id, as a part of the text.
func (c packedClient) id() (id string) {
	packText(&packing{reads: true, unread: c.text}, &id)
	return id
}

// packing goes through a client in one order, to write it or to read it.
type packing struct {
	reads   bool
	unread  string
	written []byte
}

func (p *packing) client(c *oauth.Client) {
	packText(p, &c.ID)
	packText(p, &c.OrgID)
	packText(p, &c.Status)
	packText(p, &c.AuthMethod)
	for i := range packList(p, &c.Secrets) {
		secret := &c.Secrets[i]
		packText(p, &secret.ID)
		p.hash(&secret.Hash)
		packText(p, &secret.Hint)
		p.time(&secret.CreatedAt)
		p.time(&secret.ExpiresAt)
		p.time(&secret.StopsAt)
		p.time(&secret.StoppedAt)
	}
	for i := range packList(p, &c.Keys) {
		p.key(&c.Keys[i])
	}
	packText(p, &c.KeysURL)
	packText(p, &c.Certificate.Field)
	packText(p, &c.Certificate.Value)
	for i := range packList(p, &c.Grants) {
		grant := &c.Grants[i]
		packText(p, &grant.API)
		p.texts(&grant.Permissions)
		p.flag(&grant.AppliesTo.Installation)
		p.flag(&grant.AppliesTo.Org)
		p.texts(&grant.AppliesTo.Accounts)
		p.texts(&grant.AppliesTo.Workspaces)
		p.texts(&grant.AppliesTo.AllWorkspacesOf)
	}
	packNumber(p, &c.TokenLifetime)
	packNumber(p, &c.Quota.PerHour)
	packNumber(p, &c.Quota.PerDay)
	p.flag(&c.DPoPRequired)
	packNumber(p, &c.Version)
	packNumber(p, &c.StatusPlace.List)
	packNumber(p, &c.StatusPlace.Index)
}

func packNumber[N ~int64](p *packing, n *N) {
	if !p.reads {
		p.written = binary.AppendVarint(p.written, int64(*n))
		return
	}
	number, size := binary.Varint([]byte(p.unread[:min(len(p.unread), binary.MaxVarintLen64)]))
	*n, p.unread = N(number), p.unread[size:]
}

func packText[S ~string](p *packing, text *S) {
	size := int64(len(*text))
	packNumber(p, &size)
	if !p.reads {
		p.written = append(p.written, *text...)
		return
	}
	*text, p.unread = S(p.unread[:size]), p.unread[size:]
}

// packList answers the list, with as many places as are to be read.
func packList[T any](p *packing, list *[]T) []T {
	size := int64(len(*list))
	packNumber(p, &size)
	if p.reads && size > 0 {
		*list = make([]T, size)
	}
	return *list
}

func (p *packing) texts(list *[]string) {
	for i := range packList(p, list) {
		packText(p, &(*list)[i])
	}
}

func (p *packing) flag(flag *bool) {
	number := int64(0)
	if *flag {
		number = 1
	}
	packNumber(p, &number)
	*flag = number == 1
}

// time goes through a time in UTC, in the whole microseconds that the databases keep; zero stays zero.
func (p *packing) time(at *time.Time) {
	micros := int64(0)
	if !at.IsZero() {
		micros = at.UnixMicro()
	}
	packNumber(p, &micros)
	if p.reads && micros != 0 {
		*at = time.UnixMicro(micros).UTC()
	}
}

func (p *packing) hash(hash *oauth.SecretHash) {
	if !p.reads {
		p.written = append(p.written, hash[:]...)
		return
	}
	p.unread = p.unread[copy(hash[:], p.unread):]
}

// key goes through a public key of a kind that clients may register. Parsed, it takes four times as much memory; to parse it
// takes a hundredth of a token. Of its certificates only the DER is compared, and only that is kept.
func (p *packing) key(key *jose.JSONWebKey) {
	packText(p, &key.KeyID)
	packText(p, &key.Algorithm)
	packText(p, &key.Use)
	var der []byte
	if !p.reads {
		der, _ = x509.MarshalPKIXPublicKey(key.Key)
	}
	if p.bytes(&der); p.reads {
		key.Key, _ = x509.ParsePKIXPublicKey(der)
	}
	for i := range packList(p, &key.Certificates) {
		if p.reads {
			key.Certificates[i] = new(x509.Certificate)
		}
		p.bytes(&key.Certificates[i].Raw)
	}
}

func (p *packing) bytes(bytes *[]byte) {
	text := string(*bytes)
	if packText(p, &text); p.reads {
		*bytes = []byte(text)
	}
}
