package main

import (
	"encoding/hex"
	"log/slog"

	"github.com/latchkey-auth/latchkey/admin"
)

// newNotary makes what signs checkpoints of the audit trail. The log keeps a copy of each, outside of the database.
func newNotary(core *core, log *slog.Logger) admin.Notary {
	return admin.Notary{
		Store: core.db, Issuer: core.issuer, Now: now,
		Publish: func(checkpoint admin.Checkpoint) {
			log.Info("audit checkpoint", "seq", checkpoint.Sequence, "hash", hex.EncodeToString(checkpoint.Hash), "jws", checkpoint.JWS)
		},
		Failed: func(err error) { log.Error("the audit trail has no new checkpoint", "cause", err) },
	}
}
