package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/oauth"
)

// The limits of what an administrator may say about a client.
const (
	maxNameChars = 200
	maxNoteChars = 2000
	maxNetworks  = 100
	maxQuota     = 1_000_000_000_000
)

// ClientChange is what an administrator says about a client. A nil field is not said, and stays as it is.
type ClientChange struct {
	Name   *string
	Note   *string
	Owner  *string
	Status *oauth.Status
	// AuthMethod is how the client authenticates; a new client that says nothing does so by a secret. A client that
	// changes it loses its secrets or its keys.
	AuthMethod *oauth.AuthMethod
	// JWKS is a JWK set of public keys, and JWKSURI where there is one: a client that authenticates by keys has one
	// of the two. A JSON null, or an empty URI, says that there is none.
	JWKS    *[]byte
	JWKSURI *string
	// Certificate is what the client's certificates say, of which a client that authenticates by tls_client_auth has
	// one. An empty text says that there is none.
	Certificate map[oauth.CertificateField]string
	// Grants replaces all grants. A grant without places gets the only ones possible, if there is one choice.
	Grants *[]oauth.Grant
	// TokenLifetime is in seconds; 0 leaves it to the APIs.
	TokenLifetime *int64
	// QuotaPerHour and QuotaPerDay are the most tokens it is issued; 0 allows any number.
	QuotaPerHour *int64
	QuotaPerDay  *int64
	// DPoPRequired binds every token to a key that the client proves to hold (RFC 9449).
	DPoPRequired *bool
	// AllowedCIDRs replaces all networks, each "192.0.2.0/24" or one address.
	AllowedCIDRs *[]string
}

// NewClient is what an administrator says about a client to be.
type NewClient struct {
	ClientChange
	// OrgID may be left out where only one org is possible.
	OrgID string
	// WithoutSecret leaves the client inactive and without a secret, until one is made by a rotation.
	WithoutSecret bool
	// SecretExpiresAt is when the first secret ends; nil for never.
	SecretExpiresAt *time.Time
}

// fill writes what is said onto a new client. All that is wrong is answered at once, as FieldErrors.
func (r *Registrar) fill(ctx context.Context, actor Actor, outcome *Outcome, new NewClient) (err error) {
	var errs FieldErrors
	if new.Name == nil {
		errs.add("/name", "required", "a name is required")
	}
	if new.Grants == nil {
		errs.add("/grants", "required", "a credential needs at least one grant")
	}
	checkExpiry(new.SecretExpiresAt, r.now(), "/secret_expires_at", &errs)
	if bySecret := new.AuthMethod == nil || *new.AuthMethod == oauth.AuthSecret; !bySecret && new.SecretExpiresAt != nil {
		errs.add("/secret_expires_at", "not_allowed", "a credential that authenticates in another way has no secret")
	}
	if outcome.Client.OrgID, err = r.homeOf(ctx, actor, new.OrgID, &errs); err != nil {
		return err
	}
	if err := r.check(ctx, actor, outcome, new.ClientChange, &errs); err != nil {
		return err
	}
	return errs.orNil()
}

// checkExpiry refuses an end of a secret that has passed, or is so far off that it must be a mistake.
func checkExpiry(end *time.Time, now time.Time, pointer string, errs *FieldErrors) {
	const longest = 100 // years
	switch {
	case end == nil:
	case !end.After(now):
		errs.add(pointer, "past", "the secret would have expired already")
	case end.After(now.AddDate(longest, 0, 0)):
		errs.add(pointer, "out_of_range", "at most %d years from now are allowed; leave it out for a secret that does not expire", longest)
	}
}

// endOf answers an end as it is stored: in UTC and whole microseconds, and zero for nil.
func endOf(said *time.Time) time.Time {
	if said == nil {
		return time.Time{}
	}
	return said.UTC().Truncate(time.Microsecond)
}

// apply writes what is said onto an existing client.
func (r *Registrar) apply(ctx context.Context, actor Actor, outcome *Outcome, change ClientChange) error {
	var errs FieldErrors
	client := outcome.Client
	status, method := client.Status, client.AuthMethod
	if err := r.check(ctx, actor, outcome, change, &errs); err != nil {
		return err
	}
	if err := errs.orNil(); err != nil {
		return err
	}
	if client.Status != status || client.AuthMethod != method {
		return r.checkUsable(client)
	}
	return nil
}

// check writes what is said onto the client and notes what is wrong with it.
func (r *Registrar) check(ctx context.Context, actor Actor, outcome *Outcome, change ClientChange, errs *FieldErrors) error {
	client := outcome.Client
	if change.Name != nil {
		client.Name = *change.Name
		checkName(client.Name, "/name", errs)
	}
	if change.Note != nil {
		client.Note = *change.Note
		checkText(client.Note, "/note", maxNoteChars, true, errs)
	}
	if change.Owner != nil {
		client.Owner = *change.Owner
		checkText(client.Owner, "/owner", maxNameChars, false, errs)
	}
	if change.Status != nil {
		client.Status = *change.Status
		checkStatus(client.Status, errs)
	}
	if change.TokenLifetime != nil {
		longest := int64(r.issuer.MaxLifetime() / time.Second)
		if seconds := *change.TokenLifetime; seconds < 0 || seconds > longest {
			errs.add("/token_lifetime", "out_of_range", "token_lifetime must be from 0 (as the APIs say) to %d seconds", longest)
		} else {
			client.TokenLifetime = time.Duration(seconds) * time.Second
		}
	}
	quota := func(said *int64, kept *int64, name string) {
		switch {
		case said == nil:
		case *said < 0 || *said > maxQuota:
			errs.add("/"+name, "out_of_range", "%s must be from 0 (any number) to %d tokens", name, int64(maxQuota))
		default:
			*kept = *said
		}
	}
	quota(change.QuotaPerHour, &client.Quota.PerHour, "token_quota_per_hour")
	quota(change.QuotaPerDay, &client.Quota.PerDay, "token_quota_per_day")
	if change.DPoPRequired != nil {
		client.DPoPRequired = *change.DPoPRequired
	}
	if change.AllowedCIDRs != nil {
		client.AllowedCIDRs = parseNetworks(*change.AllowedCIDRs, errs)
	}
	checkAuth(outcome, change, errs)
	if change.AuthMethod != nil && !r.issuer.Takes(client.AuthMethod) {
		outcome.warn("It gets no token as this server is configured, which takes nobody by %s.", client.AuthMethod)
	}
	if change.Grants != nil && client.OrgID != "" {
		return r.checkGrants(ctx, actor, outcome, *change.Grants, errs)
	}
	return nil
}

// homeOf answers the org a new client belongs to. Where only one is possible it need not be said.
func (r *Registrar) homeOf(ctx context.Context, actor Actor, said string, errs *FieldErrors) (string, error) {
	query := TenantQuery{Roots: true, Org: actor.Org, Limit: 2}
	if said != "" {
		query.Org = said
	}
	orgs, err := r.store.Tenants(ctx, query)
	switch {
	case err != nil:
		return "", err
	case said != "" && (len(orgs) == 0 || !actor.Sees(said)):
		errs.add("/org_id", "unknown", "there is no org %q", said)
		return "", nil
	case len(orgs) != 1:
		errs.add("/org_id", "required", "there is more than one org: say which")
		return "", nil
	}
	return orgs[0].ID, nil
}

// checkName refuses a name that is empty, or that a list could not show.
func checkName(name, pointer string, errs *FieldErrors) {
	checkText(name, pointer, maxNameChars, false, errs)
	if strings.TrimSpace(name) != name || name == "" {
		errs.add(pointer, "invalid", "the name must not be empty nor begin or end with space")
	}
}

func checkStatus(status oauth.Status, errs *FieldErrors) {
	if status != oauth.StatusActive && status != oauth.StatusInactive {
		errs.add("/status", "unknown", "status must be %q or %q", oauth.StatusActive, oauth.StatusInactive)
	}
}

// checkText refuses what a list could not show or a terminal would obey: control and formatting characters, among
// them the marks that turn the direction of writing.
func checkText(text, pointer string, maxChars int, multiline bool, errs *FieldErrors) {
	if utf8.RuneCountInString(text) > maxChars {
		errs.add(pointer, "too_long", "at most %d characters are allowed", maxChars)
		return
	}
	for _, char := range text {
		if !unicode.IsPrint(char) && !(multiline && (char == '\n' || char == '\t')) {
			errs.add(pointer, "invalid", "the character %U is not allowed", char)
			return
		}
	}
}

func parseNetworks(texts []string, errs *FieldErrors) []netip.Prefix {
	if len(texts) > maxNetworks {
		errs.add("/allowed_cidrs", "too_many", "at most %d networks are allowed", maxNetworks)
		return nil
	}
	var networks []netip.Prefix
	for i, text := range texts {
		network, err := netip.ParsePrefix(text)
		if address, addressErr := netip.ParseAddr(text); addressErr == nil {
			network, err = address.Prefix(address.BitLen())
		}
		if err != nil || network.Addr().Is4In6() {
			errs.add(pointer("/allowed_cidrs", i), "invalid", "this is not a network such as 192.0.2.0/24 or 2001:db8::/32")
			continue
		}
		networks = append(networks, network.Masked())
	}
	return networks
}

// changes answers which fields differ, in the words of the wire.
func changes(before, after *oauth.Client) map[string]Change {
	return differing(fields(before), fields(after))
}

// differing answers the fields that are not the same in both.
func differing(from, to map[string]json.RawMessage) map[string]Change {
	differing := make(map[string]Change)
	for _, texts := range []map[string]json.RawMessage{from, to} {
		for name := range texts {
			if !bytes.Equal(from[name], to[name]) {
				differing[name] = Change{From: from[name], To: to[name]}
			}
		}
	}
	return differing
}

func fields(client *oauth.Client) map[string]json.RawMessage {
	values := map[string]any{
		"name": client.Name, "note": client.Note, "owner": client.Owner, "status": client.Status,
		"auth_method": client.AuthMethod, "jwks": client.Keys, "jwks_uri": client.KeysURL,
		"grants": client.Grants, "token_lifetime": client.TokenLifetime / time.Second,
		"token_quota_per_hour": client.Quota.PerHour, "token_quota_per_day": client.Quota.PerDay, "dpop_required": client.DPoPRequired, "allowed_cidrs": client.AllowedCIDRs,
	}
	if client.Certificate.Field != "" {
		values[string(client.Certificate.Field)] = client.Certificate.Value
	}
	for _, secret := range client.Secrets {
		values["secrets/"+secret.ID] = struct {
			Hint      string    `json:"hint"`
			ExpiresAt time.Time `json:"expires_at,omitzero"`
			StopsAt   time.Time `json:"stops_at,omitzero"`
			StoppedAt time.Time `json:"stopped_at,omitzero"`
		}{secret.Hint, secret.ExpiresAt, secret.StopsAt, secret.StoppedAt}
	}
	return marshalled(values)
}

// marshalled writes each value as the wire does. Strings, numbers, times, public keys and lists of them always marshal.
func marshalled(values map[string]any) map[string]json.RawMessage {
	texts := make(map[string]json.RawMessage, len(values))
	for name, value := range values {
		texts[name], _ = json.Marshal(value)
	}
	return texts
}
