package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
	"github.com/latchkey-auth/latchkey/storage"
)

// verifyOptions are the options of audit verify.
type verifyOptions struct {
	options
	Checkpoint string `placeholder:"FILE" help:"File of checkpoints that were kept elsewhere: a JWS on each line."`
	JWKS       string `name:"jwks" placeholder:"FILE" help:"JWKS that was kept elsewhere: keys that are gone, or in a security module, are not in the database."`
}

// verifyAudit walks the chain of events in the database. It changes nothing, not even the schema.
func verifyAudit(ctx context.Context, o *verifyOptions, stdout io.Writer) error {
	o.settle()
	if err := o.checkDatabase(); err != nil {
		return err
	}
	db, _, err := openDatabase(ctx, &o.options, nil, true)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.CheckMigrated(ctx); err != nil {
		return err
	}
	keys, err := o.keys(ctx, db)
	if err != nil {
		return err
	}
	kept, err := o.checkpoints(ctx, keys)
	if err != nil {
		return err
	}
	report, err := admin.VerifyChain(ctx, db, keys, kept)
	if err != nil {
		return fmt.Errorf("the audit trail is not what it was: %w", err)
	}
	fmt.Fprintf(stdout, "%d events are chained without a break, and %d checkpoints bear them out\n", report.Events, report.Checkpoints)
	if report.Older > 0 {
		fmt.Fprintf(stdout, "%d events are older than the chain: nothing is known of them\n", report.Older)
	}
	_, err = fmt.Fprintf(stdout, "head: %d %s\n", report.Head.Sequence, hex.EncodeToString(report.Head.Hash))
	return err
}

// keys are those that rest sealed in the database, and those in the file.
func (o *verifyOptions) keys(ctx context.Context, db *storage.DB) (oauth.PublicKeys, error) {
	keys, err := db.SealedKeys(ctx)
	if err != nil || o.JWKS == "" {
		return keys, err
	}
	text, err := os.ReadFile(o.JWKS)
	if err != nil {
		return nil, fmt.Errorf("--jwks: %w", err)
	}
	more, err := oauth.ParseJWKS(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("--jwks: %w", err)}
	}
	maps.Copy(keys, more)
	return keys, nil
}

// checkpoints are those in the file, in their order. One that is not genuine is an error.
func (o *verifyOptions) checkpoints(ctx context.Context, keys oauth.PublicKeys) ([]admin.Checkpoint, error) {
	if o.Checkpoint == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("--checkpoint: %w", err)
	}
	var kept []admin.Checkpoint
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		checkpoint, err := admin.OpenCheckpoint(ctx, line, keys)
		if err != nil {
			return nil, fmt.Errorf("--checkpoint: %s: %w", o.Checkpoint, err)
		}
		kept = append(kept, checkpoint)
	}
	slices.SortFunc(kept, func(a, b admin.Checkpoint) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return kept, nil
}
