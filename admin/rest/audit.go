package rest

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/latchkey-auth/latchkey/admin"
)

// chainHead is an admin.ChainHead on the wire.
type chainHead struct {
	Sequence int64  `json:"seq"`
	Hash     string `json:"hash"` // In hex.
}

func chainHeadOf(head admin.ChainHead) chainHead {
	return chainHead{head.Sequence, hex.EncodeToString(head.Hash)}
}

type checkpoint struct {
	chainHead
	At  time.Time `json:"at"`
	JWS string    `json:"jws"`
}

func checkpointOf(c *admin.Checkpoint) checkpoint {
	return checkpoint{chainHeadOf(c.ChainHead), c.At, c.JWS}
}

// GetAudit answers GET /admin/v1/audit: how far the chain of events reaches.
func (a *API) GetAudit(c *gin.Context) {
	if !queryOf(c).ok(a, c) {
		return
	}
	status, err := a.trail.Status(c.Request.Context(), actorOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	var last *checkpoint
	if status.LastCheckpoint != nil {
		last = new(checkpointOf(status.LastCheckpoint))
	}
	c.PureJSON(http.StatusOK, struct {
		Head           chainHead   `json:"head"`
		LastCheckpoint *checkpoint `json:"last_checkpoint"`
	}{chainHeadOf(status.Head), last})
}

// ListCheckpoints answers GET /admin/v1/audit/checkpoints: the newest first.
func (a *API) ListCheckpoints(c *gin.Context) {
	q := queryOf(c, "limit", "cursor")
	request := q.page()
	if !q.ok(a, c) {
		return
	}
	rows, err := a.trail.Checkpoints(c.Request.Context(), actorOf(c), request)
	if err != nil {
		a.fail(c, err)
		return
	}
	writePage(c, rows, checkpointOf)
}
