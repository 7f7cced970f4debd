package admin

import (
	"encoding/json"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
)

// Event is one line of the audit trail: who did what to what, when. It never holds a secret.
type Event struct {
	ID string
	At time.Time
	// ActorKind and ActorID say who did it, Address and RequestID from where and in which request.
	ActorKind ActorKind
	ActorID   string
	Address   string
	RequestID string
	// Action is the resource's noun and a verb in the past: "credential.created".
	Action string
	// Target is what it was done to.
	Target string
	// OrgID is the org the target lies in; empty for what belongs to the installation.
	OrgID string
	// Changes maps each changed field to its values before and after.
	Changes map[string]Change
}

// Change is a field's value before and after. A null says that there was none.
type Change struct {
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
}

func newEvent(actor Actor, at time.Time, action, target, orgID string, changes map[string]Change) Event {
	return Event{
		ID: oauth.NewID("evt"), At: at,
		ActorKind: actor.Kind, ActorID: actor.ID, Address: actor.Address, RequestID: actor.RequestID,
		Action: action, Target: target, OrgID: orgID, Changes: changes,
	}
}
