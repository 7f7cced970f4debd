package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Setup is what a server makes sure of at every start, before it serves. Several replicas may do so at once.
type Setup struct {
	Store Store
	Keys  Keys
	// IssuerURL is the issuer whose management API the catalogue must hold.
	IssuerURL string
	// Example is a declaration to apply to a new installation; empty for none.
	Example []byte
	// ClientID and Secret are the installation's first client; both empty to have them invented.
	ClientID string
	Secret   oauth.Plaintext
	// OperatorEmail is whom to make the first operator, an admin of the whole installation; empty for nobody.
	OperatorEmail string
	Now           func() time.Time
}

// First is what the first start of an installation made, and must be shown once and then forgotten.
type First struct {
	// Client is nil if its secret came from outside.
	Client *FirstClient
	// Operator is nil if there is none.
	Operator *Invitation
}

// Invitation is the token by which an operator sets a password, and the address to sign in with.
type Invitation struct {
	Email string
	Token oauth.Plaintext
}

// FirstClient is the installation's first management client. Its secret must be shown once and then forgotten.
type FirstClient struct {
	ID     string
	Secret oauth.Plaintext
}

// Run makes sure of the signing keys, of the management API in the catalogue and, once in the installation's life, of
// the example, the first management client and the first operator. It answers those whose secrets it invented just now;
// nil if there are none.
func (s Setup) Run(ctx context.Context) (*First, error) {
	if err := s.Keys.Tend(ctx); err != nil {
		return nil, fmt.Errorf("making sure of the signing keys: %w", err)
	}
	if err := s.ensureManagementAPI(ctx); err != nil {
		return nil, fmt.Errorf("making sure of the management API: %w", err)
	}
	done, err := s.Store.Bootstrapped(ctx)
	if err != nil || done {
		return nil, err
	}
	if len(s.Example) > 0 {
		declared, err := ParseDeclaration(s.Example)
		if err != nil {
			return nil, err
		}
		if len(declared.Credentials) > 0 {
			return nil, errors.New("applying the example: it must declare no credentials")
		}
		applier := Applier{Store: s.Store, Now: s.Now}
		if _, err := applier.Apply(ctx, System("setup"), declared, ApplyOptions{}); err != nil {
			return nil, fmt.Errorf("applying the example: %w", err)
		}
	}
	return s.bootstrap(ctx)
}

func (s Setup) ensureManagementAPI(ctx context.Context) error {
	return s.Store.Transact(ctx, func(ctx context.Context, store Store) error {
		before, err := store.API(ctx, ManagementAPI)
		if err != nil && !errors.Is(err, oauth.ErrNotFound) {
			return err
		}
		_, err = Catalog{Store: store, Now: s.Now}.write(ctx, System("setup"), before, ManagementAPIOf(s.IssuerURL))
		return err
	})
}

func (s Setup) bootstrap(ctx context.Context) (*First, error) {
	actor, now := System("setup"), s.Now()
	api := ManagementAPIOf(s.IssuerURL)
	client := &oauth.Client{
		ID: s.ClientID, Name: "First management credential",
		Note:   "Made at the very first start. Replace it by credentials with fewer permissions.",
		Status: oauth.StatusActive, AuthMethod: oauth.AuthSecret,
		Grants:    []oauth.Grant{{API: api.Key, Permissions: ManagementPermissions(), AppliesTo: oauth.Places{Installation: true}}},
		CreatedAt: now, CreatedBy: actor.ID, UpdatedAt: now, UpdatedBy: actor.ID, Version: 1,
	}
	var first First
	if s.ClientID == "" {
		secret, text := oauth.NewSecret(now, actor.ID)
		client.ID, client.Secrets = oauth.NewID("cid"), []oauth.Secret{secret}
		first.Client = &FirstClient{ID: client.ID, Secret: text}
	} else {
		if err := CheckFirstClient(s.ClientID, s.Secret); err != nil {
			return nil, err
		}
		client.Secrets = []oauth.Secret{oauth.SecretFrom(s.Secret, now, actor.ID)}
	}
	home := oauth.Tenant{ID: oauth.NewID("org"), Level: oauth.LevelOrg, Name: "Default organization", Status: oauth.StatusActive}
	home.OrgID = home.ID
	event := newEvent(actor, now, "credential.created", client.ID, "", changes(&oauth.Client{}, client))
	var made bool
	err := s.Store.Transact(ctx, func(ctx context.Context, store Store) (err error) {
		if made, err = store.Bootstrap(ctx, client, home, event); err != nil || !made || s.OperatorEmail == "" {
			return err
		}
		first.Operator, err = Operators{Store: store, Now: s.Now}.Invite(ctx, actor, s.OperatorEmail)
		return err
	})
	if err != nil || !made || first == (First{}) {
		return nil, err
	}
	return &first, nil
}

// The limits of a secret from outside.
const (
	minSecretChars = 32
	maxSecretChars = 255
)

// CheckFirstClient refuses a client_id or secret from outside that RFC 6749 appendix A does not allow, and a secret
// that could be guessed: it is kept under a fast hash, which is right only for one that cannot.
func CheckFirstClient(id string, secret oauth.Plaintext) error {
	text := secret.Reveal()
	switch {
	case id == "" || len(id) > 255 || !isVSCHAR(id) || strings.TrimSpace(id) != id || id == "." || id == "..":
		return errors.New("bootstrap client id: must be 1 to 255 printable ASCII characters")
	case !isVSCHAR(text) || len(text) > maxSecretChars:
		return fmt.Errorf("bootstrap client secret: must be at most %d printable ASCII characters", maxSecretChars)
	case len(text) < minSecretChars || guessable(id, text):
		return errors.New("bootstrap client secret: too weak: it must be random, as `openssl rand -hex 32` makes one")
	}
	return nil
}

// guessable reports whether a secret looks made up by a person. It may be guessed at as fast as a hash can be made, so no
// phrase will do. What a generator makes changes between kinds of characters at every third place or more often, and has
// no five characters twice; phrases, sequences and keyboard rows keep to a kind, and whoever has to fill 32 places by hand
// repeats. It holds up the careless and not the cunning: a library that knows the words of many languages would hold up a
// few more, and took every start of the program 60 ms and 10 MB.
func guessable(id, secret string) bool {
	const longID, repetition, hexadecimal = 5, 5, "0123456789abcdef"
	if len(id) >= longID && strings.Contains(secret, id) {
		return true
	}
	for i := range len(secret) - repetition {
		if strings.Contains(secret[i+1:], secret[i:i+repetition]) {
			return true
		}
	}
	text := strings.NewReplacer(" ", "", "-", "", "_", "", ".", "", "=", "").Replace(secret)
	if strings.Trim(text, hexadecimal) == "" || strings.Trim(text, strings.ToUpper(hexadecimal)) == "" {
		return false
	}
	changes := 0
	for i := range len(text) - 1 {
		if kindOf(text[i]) != kindOf(text[i+1]) {
			changes++
		}
	}
	return 10*changes < len(text)
}

// kindOf answers whether a character is a small letter, a capital letter, a digit or something else.
func kindOf(char byte) int {
	switch {
	case 'a' <= char && char <= 'z':
		return 0
	case 'A' <= char && char <= 'Z':
		return 1
	case '0' <= char && char <= '9':
		return 2
	default:
		return 3
	}
}

// isVSCHAR reports whether text holds only what RFC 6749 appendix A allows in a client_id and a client_secret.
func isVSCHAR(text string) bool {
	return !strings.ContainsFunc(text, func(char rune) bool { return char < 0x20 || char > 0x7e })
}
