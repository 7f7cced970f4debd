package admin

import (
	"context"

	"github.com/latchkey-auth/latchkey/oauth"
)

// DeclaredCredential is what an administrator says a credential shall be. Its org and its name say which is meant. What
// is left out stays as it is.
type DeclaredCredential struct {
	Name string `json:"name"`
	// OrgID may be left out where only one org is possible.
	OrgID         string         `json:"org_id"`
	Note          *string        `json:"note"`
	Owner         *string        `json:"owner"`
	Status        *oauth.Status  `json:"status"`
	Grants        *[]oauth.Grant `json:"grants"`
	TokenLifetime *int64         `json:"token_lifetime"`
	QuotaPerHour  *int64         `json:"token_quota_per_hour"`
	QuotaPerDay   *int64         `json:"token_quota_per_day"`
	DPoPRequired  *bool          `json:"dpop_required"`
	AllowedCIDRs  *[]string      `json:"allowed_cidrs"`
}

// isSame reports whether another declaration is of the same credential. Where one leaves out the org, only one is possible.
func (d DeclaredCredential) isSame(other DeclaredCredential) bool {
	return d.Name == other.Name && (d.OrgID == other.OrgID || d.OrgID == "" || other.OrgID == "")
}

// declare makes the credential, or lets it be what is declared, within a transaction, for an actor who may. It answers
// no step if it is so already.
//
// A declaration holds no secret and its answer shows none. So a new credential has none and is inactive, whatever is
// declared; and one that is declared active becomes so when it can authenticate, which a rotation brings about.
func (r *Registrar) declare(ctx context.Context, actor Actor, declared DeclaredCredential) (*Step, []string, error) {
	var errs FieldErrors
	orgID, err := r.homeOf(ctx, actor, declared.OrgID, &errs)
	if err != nil {
		return nil, nil, err
	}
	change := ClientChange{
		Name: &declared.Name, Note: declared.Note, Owner: declared.Owner, Status: declared.Status, Grants: declared.Grants,
		TokenLifetime: declared.TokenLifetime, QuotaPerHour: declared.QuotaPerHour, QuotaPerDay: declared.QuotaPerDay,
		DPoPRequired: declared.DPoPRequired, AllowedCIDRs: declared.AllowedCIDRs,
	}
	var same []oauth.Client
	if orgID != "" {
		rows, err := r.store.Clients(ctx, ClientQuery{Org: orgID, Name: declared.Name, Sort: ByName, Limit: 1})
		if err != nil {
			return nil, nil, err
		}
		same = ClientsOf(rows)
	}
	var waiting []string
	if declared.Status != nil && *declared.Status == oauth.StatusActive && r.checkDeclared(same) != nil {
		change.Status = nil
		waiting = []string{"it stays inactive until it has a secret: make one by a rotation, and activate it or apply again"}
	}
	var outcome Outcome
	if len(same) == 0 {
		outcome, err = r.register(ctx, actor, NewClient{ClientChange: change, OrgID: declared.OrgID, WithoutSecret: true}, false)
	} else {
		outcome, err = r.change(ctx, actor, same[0].ID, nil, change, false)
	}
	if err != nil || len(same) > 0 && len(outcome.Changes) == 0 {
		return nil, append(outcome.Warnings, waiting...), err
	}
	client := outcome.Client
	step := &Step{Kind: "credential", ID: client.ID, OrgID: client.OrgID, Created: len(same) == 0, Changes: outcome.Changes}
	return step, append(outcome.Warnings, waiting...), nil
}

// checkDeclared answers an error unless the client that is meant, if there is one, could be active.
func (r *Registrar) checkDeclared(same []oauth.Client) error {
	if len(same) == 0 {
		return ErrNoUsableSecret
	}
	client := same[0]
	client.Status = oauth.StatusActive
	return r.checkUsable(&client)
}
