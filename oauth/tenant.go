package oauth

// Level is a height in the tree Org → Account → Workspace, at which an API's permissions hold.
type Level string

// The levels. LevelInstallation is above every org, and only the management API lives there.
const (
	LevelInstallation Level = "installation"
	LevelOrg          Level = "org"
	LevelAccount      Level = "account"
	LevelWorkspace    Level = "workspace"
)

// Parent answers the level directly above: an account's parent is an org. An org has none.
func (l Level) Parent() Level {
	switch l {
	case LevelWorkspace:
		return LevelAccount
	case LevelAccount:
		return LevelOrg
	default:
		return ""
	}
}

// Status says whether a thing is in force.
type Status string

// StatusDeleted is final. A deleted thing remains only as a tombstone for the audit trail; no Store answers it.
const (
	StatusActive   Status = "active"
	StatusInactive Status = "inactive"
	StatusDeleted  Status = "deleted"
)

// Tenant is one node of the tree.
type Tenant struct {
	ID    string
	Level Level
	Name  string
	// ParentID is the tenant one level up; empty for an org.
	ParentID string
	// OrgID is the org the tenant lies in; an org's own id.
	OrgID   string
	Status  Status
	Version int64
}
