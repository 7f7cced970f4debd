package storage

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

const (
	// retiredFor is how long a retired slot is kept: longer than any token can live.
	retiredFor = admin.MaxTokenLifetime + time.Hour
	// manyHolders is how many clients are named one by one in the log of changes.
	manyHolders = 1000
)

// slotRow is a row of client_slots.
type slotRow struct {
	ClientID string `db:"client_id"`
	Slot     int64  `db:"slot"`
}

// drawSlots answers the first of n slots that nobody has had.
func drawSlots(ctx context.Context, tx *sqlx.Tx, n int) (first int64, err error) {
	var next int64
	err = tx.GetContext(ctx, &next, `UPDATE status_slots SET next = next + $1 WHERE id = 1 RETURNING next`, n)
	return next - int64(n), err
}

// addSlots gives new clients their first slots.
func addSlots(ctx context.Context, tx *sqlx.Tx, writes *bundle, clients []*oauth.Client) error {
	first, err := drawSlots(ctx, tx, len(clients))
	if err != nil {
		return err
	}
	rows := make([]slotRow, len(clients))
	for i, client := range clients {
		rows[i] = slotRow{client.ID, first + int64(i)}
	}
	addRows(writes, `INSERT INTO client_slots (client_id, slot) VALUES (:client_id, :slot)`, rows)
	return nil
}

// addRetirement ends all tokens that one client has been issued, and gives it a new slot unless it is deleted.
func addRetirement(ctx context.Context, tx *sqlx.Tx, writes *bundle, client *oauth.Client, status oauth.TokenStatus, at time.Time) error {
	writes.add(`INSERT INTO retired_slots (slot, client_id, status, until)
		SELECT slot, client_id, CAST(:status AS INTEGER), :until FROM client_slots WHERE client_id = :client_id`,
		map[string]any{"client_id": client.ID, "status": int(status), "until": moment{at.Add(retiredFor)}})
	if client.Status == oauth.StatusDeleted {
		return nil
	}
	slot, err := drawSlots(ctx, tx, 1)
	if err != nil {
		return err
	}
	writes.add(`UPDATE client_slots SET slot = :slot WHERE client_id = :client_id`, slotRow{client.ID, slot})
	return nil
}

// retire does for many clients what addRetirement does for one. Whoever is meant by the query, of ids, may be a million, so
// that each statement may take as long as one may at all.
func retire(ctx context.Context, tx *sqlx.Tx, status oauth.TokenStatus, at time.Time, query string, value any) error {
	meant := ` WHERE client_id IN (` + query + `)`
	_, err := tx.ExecContext(ctx, `INSERT INTO retired_slots (slot, client_id, status, until)
		SELECT slot, client_id, CAST($2 AS INTEGER), $3 FROM client_slots`+meant, value, int(status), moment{at.Add(retiredFor)})
	if err != nil {
		return err
	}
	drawn, err := tx.ExecContext(ctx, `UPDATE client_slots SET slot = n.slot
		FROM (SELECT client_id, (SELECT next FROM status_slots) + ROW_NUMBER() OVER (ORDER BY slot) - 1 AS slot
			FROM client_slots`+meant+`) n
		WHERE client_slots.client_id = n.client_id`, value)
	if err != nil {
		return err
	}
	n, err := drawn.RowsAffected()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE status_slots SET next = next + $1 WHERE id = 1`, n)
	return err
}

// retireHolders retires the slots of the clients that the query means, if there are any, and lets every memory drop
// these clients.
func (db *DB) retireHolders(ctx context.Context, tx *sqlx.Tx, status oauth.TokenStatus, at time.Time, query string, value any) error {
	ctx = recurring(ctx, false) // One client may be meant, or a million.
	var ids []string
	err := tx.SelectContext(ctx, &ids, `SELECT client_id FROM client_slots WHERE client_id IN (`+query+`)
		LIMIT `+fmt.Sprint(manyHolders+1), value)
	if err != nil || len(ids) == 0 {
		return err
	}
	subjects := []string{subjectClients}
	if len(ids) <= manyHolders {
		subjects = subjects[:0]
		for _, id := range ids {
			subjects = append(subjects, subjectClient+id)
		}
	}
	if err := db.note(ctx, tx, subjects); err != nil {
		return err
	}
	return retire(ctx, tx, status, at, query, value)
}

// shuffle is a secret order of the places within each status list.
type shuffle struct{ block cipher.Block }

// readShuffle reads the key that all replicas share. It does not protect anything from whoever has the database.
func (db *DB) readShuffle(ctx context.Context) (s shuffle, err error) {
	var key []byte
	err = db.ask(ctx, "reading the order of the status lists", func(ctx context.Context) error {
		return db.from().GetContext(ctx, &key, `SELECT key FROM status_slots WHERE id = 1`)
	})
	if err != nil {
		return shuffle{}, err
	}
	s.block, err = aes.NewCipher(key)
	return s, err
}

// place answers where a slot stands. Within each list it is a permutation: a Feistel network of four rounds, over the
// two halves of an index.
func (s shuffle) place(slot int64) oauth.StatusPlace {
	const half = oauth.StatusListBits / 2
	const mask = 1<<half - 1
	list := slot / oauth.StatusListSize
	left, right := slot>>half&mask, slot&mask
	var text [aes.BlockSize]byte
	for round := range 4 {
		binary.BigEndian.PutUint64(text[:], uint64(list))
		binary.BigEndian.PutUint64(text[8:], uint64(round)<<half|uint64(right))
		s.block.Encrypt(text[:], text[:])
		left, right = right, left^int64(binary.BigEndian.Uint64(text[:])&mask)
	}
	return oauth.StatusPlace{List: list, Index: left<<half | right}
}

// Retired implements oauth.Store.
func (f *Fresh) Retired(ctx context.Context, list int64) (retired map[int64]oauth.TokenStatus, lists int64, err error) {
	select {
	case f.loads <- struct{}{}:
		defer func() { <-f.loads }()
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("reading status list %d: %w: too much else is read", list, oauth.ErrUnavailable)
	}
	var (
		next int64
		rows []struct {
			Slot   int64             `db:"slot"`
			Status oauth.TokenStatus `db:"status"`
		}
	)
	err = f.db.ask(ctx, fmt.Sprintf("reading status list %d", list), func(ctx context.Context) error {
		if err := f.db.sql.GetContext(ctx, &next, `SELECT next FROM status_slots WHERE id = 1`); err != nil {
			return err
		}
		first := list * oauth.StatusListSize
		return f.db.sql.SelectContext(ctx, &rows, `SELECT slot, status FROM retired_slots WHERE slot >= $1 AND slot < $2`,
			first, first+oauth.StatusListSize)
	})
	if err != nil {
		return nil, 0, err
	}
	retired = make(map[int64]oauth.TokenStatus, len(rows))
	for _, row := range rows {
		retired[f.shuffle.place(row.Slot).Index] = row.Status
	}
	return retired, (next + oauth.StatusListSize - 1) / oauth.StatusListSize, nil
}
