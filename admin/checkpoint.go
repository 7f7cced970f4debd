package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// Checkpoint is a head of the chain that the server signed. Whoever keeps a copy outside of the database can tell
// whether the chain up to there was ever rewritten, even by somebody who may write everything in the database.
type Checkpoint struct {
	ChainHead
	At time.Time
	// JWS is a compact JWS (RFC 7515) of type [CheckpointType], by a signing key of the issuer.
	JWS string
}

// CheckpointType is the typ of a checkpoint's JWS, by which it can never be taken for a token (RFC 8725 §3.11).
const CheckpointType = "latchkey-checkpoint"

// checkpointStatement is the payload of a checkpoint's JWS.
type checkpointStatement struct {
	Issuer   string    `json:"issuer"`
	Sequence int64     `json:"seq"`
	Hash     string    `json:"hash"` // In hex.
	At       time.Time `json:"at"`
}

// When a Notary signs a checkpoint: after so many events, or so long after the one before if there are new events; and
// after a pause if the key of the one before is gone.
const (
	checkpointEvents   = 1000
	checkpointInterval = time.Hour
	notaryPause        = time.Minute
)

// Notary signs checkpoints of the chain. Several replicas may have one each.
type Notary struct {
	Store  ChainStore
	Issuer *oauth.Issuer
	Now    func() time.Time
	// Publish is told every new checkpoint, to keep a copy outside of the database.
	Publish func(Checkpoint)
	// Failed is told when a checkpoint could not be made. It is tried again.
	Failed func(error)
}

// Run signs checkpoints as they fall due, and a last one when ctx ends.
func (n Notary) Run(ctx context.Context) {
	ticker := time.NewTicker(notaryPause)
	defer ticker.Stop()
	for {
		if err := n.signIfDue(ctx, false); err != nil && ctx.Err() == nil {
			n.Failed(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := n.signIfDue(last, true); err != nil {
				n.Failed(err)
			}
			return
		}
	}
}

// signIfDue signs the head of the chain if there is something new, and it is the last time or time for it.
func (n Notary) signIfDue(ctx context.Context, last bool) error {
	head, err := n.Store.ChainHead(ctx)
	if err != nil {
		return err
	}
	var before Checkpoint
	latest, err := n.Store.Checkpoints(ctx, CheckpointQuery{Limit: 1})
	if err != nil {
		return err
	}
	if len(latest) > 0 {
		before = latest[0]
	}
	now := n.Now()
	if head.Sequence <= before.Sequence {
		return nil
	}
	if !last && !checkpointDue(head, before, now) {
		// One whose key was revoked proves nothing any more.
		if believed, err := n.Issuer.StandsBy(ctx, CheckpointType, before.JWS); believed || err != nil {
			return err
		}
	}
	checkpoint := Checkpoint{ChainHead: head, At: now}
	checkpoint.JWS, err = n.Issuer.Attest(ctx, CheckpointType, checkpointStatement{
		Issuer: n.Issuer.URL(), Sequence: head.Sequence, Hash: hex.EncodeToString(head.Hash), At: now,
	})
	if err != nil {
		return err
	}
	if err := n.Store.AddCheckpoint(ctx, checkpoint); err != nil {
		return err
	}
	n.Publish(checkpoint)
	return nil
}

func checkpointDue(head ChainHead, before Checkpoint, now time.Time) bool {
	return head.Sequence-before.Sequence >= checkpointEvents || now.Sub(before.At) >= checkpointInterval
}

// OpenCheckpoint answers what a checkpoint's JWS says, if it is genuine: signed by one of the keys.
func OpenCheckpoint(ctx context.Context, jws string, keys bearer.KeySource) (Checkpoint, error) {
	payload, err := oauth.OpenAttestation(ctx, jws, CheckpointType, keys)
	if err != nil {
		return Checkpoint{}, err
	}
	var said checkpointStatement
	if err := json.Unmarshal(payload, &said); err != nil {
		return Checkpoint{}, err
	}
	hash, err := hex.DecodeString(said.Hash)
	return Checkpoint{ChainHead: ChainHead{said.Sequence, hash}, At: said.At, JWS: jws}, err
}
