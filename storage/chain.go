package storage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
)

// chainFormat is the first field that is hashed, so that another format could never be taken for this one.
const chainFormat = "latchkey event 1"

// link answers the hash of the event, given that of the event before it, as the package comment describes it.
func (r *eventRow) link(previous []byte) []byte {
	hash := sha256.New()
	hash.Write(previous)
	for _, field := range []string{
		chainFormat, strconv.FormatInt(r.Sequence, 10), r.ID, strconv.FormatInt(r.At.UnixMicro(), 10),
		string(r.ActorKind), r.ActorID, r.Address, r.RequestID, r.Action, r.Target, r.OrgID, r.Changes,
	} {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		hash.Write([]byte(field))
	}
	return hash.Sum(nil)
}

// genesis stands for the hash of the event before the first.
func genesis() []byte { return make([]byte, sha256.Size) }

// headRow is the row of chain_head.
type headRow struct {
	Sequence int64  `db:"seq"`
	Hash     []byte `db:"hash"`
}

// append gives the event the next place in the chain. The head's row is locked until the transaction ends, so that
// sequence numbers have no gaps and every event has one before it.
func (r *eventRow) append(ctx context.Context, tx *sqlx.Tx, writes *bundle) error {
	var head headRow
	err := tx.GetContext(ctx, &head, `UPDATE chain_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash`)
	if err != nil {
		return err
	}
	r.Sequence = head.Sequence
	r.Hash = r.link(head.Hash)
	writes.add(`UPDATE chain_head SET hash = :hash WHERE id = 1`, r)
	return nil
}

// ChainHead implements admin.Store.
func (db *DB) ChainHead(ctx context.Context) (admin.ChainHead, error) {
	var row headRow
	err := db.ask(ctx, "reading the head of the audit chain", func(ctx context.Context) error {
		return db.sql.GetContext(ctx, &row, `SELECT seq, hash FROM chain_head WHERE id = 1`)
	})
	return admin.ChainHead{Sequence: row.Sequence, Hash: row.Hash}, err
}

// Links implements admin.Store.
func (db *DB) Links(ctx context.Context, after *admin.Link, limit int) ([]admin.Link, error) {
	var where filter
	previous := genesis()
	if after != nil {
		where.and("seq > %s", after.Sequence)
		if after.Hash != nil {
			previous = after.Hash
		}
	}
	last := where.place(limit)
	var rows []eventRow
	err := db.ask(ctx, "reading the audit chain", func(ctx context.Context) error {
		return db.sql.SelectContext(ctx, &rows,
			`SELECT `+eventColumns+` FROM events `+where.String()+` ORDER BY seq LIMIT `+last, where.values...)
	})
	links := make([]admin.Link, len(rows))
	for i := range rows {
		links[i] = admin.Link{Sequence: rows[i].Sequence, ID: rows[i].ID, Hash: rows[i].Hash, Want: rows[i].link(previous)}
		if rows[i].Hash != nil {
			previous = rows[i].Hash
		}
	}
	return links, err
}

// checkpointRow is a row of checkpoints.
type checkpointRow struct {
	Sequence int64  `db:"seq"`
	Hash     []byte `db:"hash"`
	At       moment `db:"at"`
	JWS      string `db:"jws"`
}

// AddCheckpoint implements admin.Store.
func (db *DB) AddCheckpoint(ctx context.Context, checkpoint admin.Checkpoint) error {
	return db.ask(ctx, "storing a checkpoint of the audit chain", func(ctx context.Context) error {
		_, err := db.sql.NamedExecContext(ctx, `INSERT INTO checkpoints (seq, hash, at, jws)
			VALUES (:seq, :hash, :at, :jws) ON CONFLICT (seq) DO NOTHING`,
			checkpointRow{checkpoint.Sequence, checkpoint.Hash, moment{checkpoint.At}, checkpoint.JWS})
		return err
	})
}

// Checkpoints implements admin.Store.
func (db *DB) Checkpoints(ctx context.Context, query admin.CheckpointQuery) ([]admin.Checkpoint, error) {
	var where filter
	order := "seq DESC"
	if query.Before != 0 {
		where.and("seq < %s", query.Before)
	}
	if query.After != nil {
		where.and("seq > %s", *query.After)
		order = "seq"
	}
	limit := where.place(query.Limit)
	var rows []checkpointRow
	err := db.ask(ctx, "reading the checkpoints of the audit chain", func(ctx context.Context) error {
		return db.sql.SelectContext(ctx, &rows, `SELECT seq, hash, at, jws FROM checkpoints `+
			where.String()+` ORDER BY `+order+` LIMIT `+limit, where.values...)
	})
	checkpoints := make([]admin.Checkpoint, len(rows))
	for i, row := range rows {
		checkpoints[i] = admin.Checkpoint{
			ChainHead: admin.ChainHead{Sequence: row.Sequence, Hash: row.Hash}, At: row.At.Time, JWS: row.JWS,
		}
	}
	return checkpoints, err
}
