package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
)

// ChainHead is a place in the chain of events: a sequence number, and the hash of the event there. Nothing before it
// can be changed without changing the hash.
type ChainHead struct {
	Sequence int64
	// Hash is 32 bytes.
	Hash []byte
}

// Link is an event's place in the chain.
type Link struct {
	Sequence int64
	ID       string
	// Hash is what the event's row says, nil for an event from before there was a chain; Want is what follows from
	// its other columns and the Hash before it.
	Hash []byte
	Want []byte
}

// BrokenChainError says where the chain of events is not what it was.
type BrokenChainError struct {
	// Sequence is that of the first event that is bad or missing.
	Sequence int64
	// ID is the id of the event; empty if it is missing.
	ID     string
	Reason string
}

func (e *BrokenChainError) Error() string {
	if e.ID == "" {
		return fmt.Sprintf("event %d: %s", e.Sequence, e.Reason)
	}
	return fmt.Sprintf("event %d (%s): %s", e.Sequence, e.ID, e.Reason)
}

// ChainReport is what a verification found in a chain that is good.
type ChainReport struct {
	// Events is the number of events in the chain, and Older that of those from before there was a chain.
	Events, Older int64
	Head          ChainHead
	// Checkpoints is the number of signatures that were verified, and bear the chain out.
	Checkpoints int
}

// verifyBatch is how many events a verification has in memory.
const verifyBatch = 1000

// chainCheck walks along a chain.
type chainCheck struct {
	store ChainStore
	keys  bearer.KeySource
	// kept are the checkpoints that were kept elsewhere and are not reached yet, in order.
	kept   []Checkpoint
	last   *Link
	signed int64 // The last sequence number that a checkpoint bears out.
	// unproven is the newest checkpoint whose key is gone; nil when one after it bears out the same events and more.
	unproven *BrokenChainError
	report   ChainReport
}

// VerifyChain walks the whole chain, in constant memory, and answers a [*BrokenChainError] for the first event that
// was edited, deleted, moved or inserted. That events were cut off at the end shows in the head; that all was written
// anew shows in the checkpoints, in the database and among those kept elsewhere, which must be in order. Keys are the
// issuer's; of the checkpoints in the database, the newest must be signed by one of them.
func VerifyChain(ctx context.Context, store ChainStore, keys bearer.KeySource, kept []Checkpoint) (ChainReport, error) {
	before, err := store.ChainHead(ctx) // The chain may grow meanwhile.
	if err != nil {
		return ChainReport{}, err
	}
	check := chainCheck{store: store, keys: keys, kept: kept}
	for {
		links, err := store.Links(ctx, check.last, verifyBatch)
		if err != nil {
			return ChainReport{}, err
		}
		if len(links) == 0 {
			break
		}
		if err := check.batch(ctx, links); err != nil {
			return ChainReport{}, err
		}
	}
	return check.end(ctx, before)
}

func (c *chainCheck) batch(ctx context.Context, links []Link) error {
	signed, err := c.store.Checkpoints(ctx, CheckpointQuery{After: c.position(), Limit: verifyBatch})
	if err != nil {
		return err
	}
	for i := range links {
		if err := c.link(&links[i]); err != nil {
			return err
		}
		for len(signed) > 0 && signed[0].Sequence <= links[i].Sequence {
			if err := c.stored(ctx, &signed[0]); err != nil {
				return err
			}
			signed = signed[1:]
		}
		for len(c.kept) > 0 && c.kept[0].Sequence <= links[i].Sequence {
			if err := c.checkpoint(&c.kept[0]); err != nil {
				return err
			}
			c.kept = c.kept[1:]
		}
	}
	return nil
}

// position is before the first sequence number, or the last that was reached.
func (c *chainCheck) position() *int64 {
	reached := int64(-1)
	if c.last != nil {
		reached = c.last.Sequence
	}
	return &reached
}

func (c *chainCheck) link(link *Link) error {
	expected, chained := int64(1), false
	if c.last != nil {
		expected, chained = c.last.Sequence+1, c.last.Hash != nil
	}
	switch {
	case link.Hash == nil && (chained || link.Sequence < 1):
		return &BrokenChainError{link.Sequence, link.ID, "it is not chained, and was inserted"}
	case link.Hash == nil:
		c.report.Older++
		c.last = link
		return nil
	case link.Sequence > expected:
		return &BrokenChainError{expected, "", "it is missing"}
	case link.Sequence < expected:
		return &BrokenChainError{link.Sequence, link.ID, "it stands before the first, and was inserted"}
	case !bytes.Equal(link.Hash, link.Want):
		return &BrokenChainError{link.Sequence, link.ID, "it is not what was chained: it was edited, moved or inserted, or another stood before it"}
	}
	c.report.Events++
	c.last = link
	return nil
}

// stored checks that a checkpoint in the database is what its signature says, and holds it against the last link. One
// whose key is gone must be followed by another, which says more.
func (c *chainCheck) stored(ctx context.Context, stored *Checkpoint) error {
	said, err := OpenCheckpoint(ctx, stored.JWS, c.keys)
	switch {
	case errors.Is(err, bearer.ErrUnknownKey):
		c.unproven = &BrokenChainError{stored.Sequence, "", "its checkpoint cannot be verified, and none comes after it " +
			"(if its key was revoked, a server signs another within a minute; --jwks takes keys that were kept): " + err.Error()}
		return nil
	case errors.Is(err, bearer.ErrInvalidToken):
		return &BrokenChainError{stored.Sequence, "", "its checkpoint is not genuine: " + err.Error()}
	case err != nil:
		return err
	case said.Sequence != stored.Sequence || !bytes.Equal(said.Hash, stored.Hash):
		return &BrokenChainError{stored.Sequence, "", "its checkpoint was edited: it is not what was signed"}
	}
	return c.checkpoint(stored)
}

// checkpoint holds a checkpoint, known to be genuine, against the last link.
func (c *chainCheck) checkpoint(signed *Checkpoint) error {
	held := c.last.Hash
	if held == nil { // The head of a chain that has not begun.
		held = make([]byte, len(signed.Hash))
	}
	if signed.Sequence != c.last.Sequence || !bytes.Equal(signed.Hash, held) {
		return &BrokenChainError{c.signed + 1, "", fmt.Sprintf(
			"from here on to event %d the chain was written anew: it is not what was signed on %s",
			signed.Sequence, signed.At.Format(time.RFC3339))}
	}
	c.signed, c.unproven = signed.Sequence, nil
	c.report.Checkpoints++
	return nil
}

// end checks that nothing is missing after the last link.
func (c *chainCheck) end(ctx context.Context, before ChainHead) (ChainReport, error) {
	reached := max(0, *c.position())
	after, err := c.store.ChainHead(ctx)
	if err != nil {
		return ChainReport{}, err
	}
	beyond, err := c.store.Checkpoints(ctx, CheckpointQuery{After: &reached, Limit: 1})
	if err != nil {
		return ChainReport{}, err
	}
	missing := &BrokenChainError{Sequence: reached + 1, Reason: "it is missing, and whatever came after it"}
	switch {
	case before.Sequence > reached:
		return ChainReport{}, missing
	case after.Sequence < reached:
		return ChainReport{}, &BrokenChainError{after.Sequence + 1, "", "it stands after the head of the chain, and was inserted, or the head was edited"}
	case len(c.kept) > 0:
		return ChainReport{}, missing
	case len(beyond) > 0 && beyond[0].Sequence > after.Sequence:
		return ChainReport{}, missing
	case c.last != nil && c.last.Hash != nil && after.Sequence == reached && !bytes.Equal(after.Hash, c.last.Hash):
		return ChainReport{}, &BrokenChainError{reached, c.last.ID, "it is not what the head of the chain says"}
	}
	if c.unproven != nil {
		return ChainReport{}, c.unproven
	}
	c.report.Head = ChainHead{Sequence: reached}
	if c.last != nil {
		c.report.Head.Hash = c.last.Hash
	}
	return c.report, nil
}
