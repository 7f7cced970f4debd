package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
)

// step is one thing that a declaration makes or changes.
type step struct {
	Kind    string                  `json:"kind"`
	ID      string                  `json:"id"`
	OrgID   *string                 `json:"org_id"` // Null: it belongs to the installation.
	Action  string                  `json:"action"`
	Changes map[string]admin.Change `json:"changes"`
}

// Apply answers POST /admin/v1/apply: it brings tree, catalogue and credentials to a declared state, all or nothing.
func (a *API) Apply(c *gin.Context) {
	q := queryOf(c, "dry_run", "force")
	options := admin.ApplyOptions{DryRun: q.dryRun(), Force: q.flag("force")}
	if !q.ok(a, c) {
		return
	}
	declared, ok := decode[admin.Declaration](a, c, "application/json")
	if !ok {
		return
	}
	applied, err := a.applier.Apply(c.Request.Context(), actorOf(c), declared, options)
	if err != nil {
		a.fail(c, err)
		return
	}
	steps := make([]step, len(applied.Steps))
	for i, made := range applied.Steps {
		steps[i] = step{made.Kind, made.ID, orNull(made.OrgID), "changed", made.Changes}
		if made.Created {
			steps[i].Action = "created"
		}
	}
	c.PureJSON(http.StatusOK, struct {
		DryRun   bool     `json:"dry_run"`
		Steps    []step   `json:"steps"`
		Lost     []loss   `json:"lost"`
		Warnings []string `json:"warnings"`
	}{options.DryRun, steps, lossesOf(applied.Lost), orEmpty(applied.Warnings)})
}
