package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

const (
	// rowsAtOnce is how many rows one INSERT takes: each statement is a round trip during which every other writer waits.
	// With more, neither database stores them any quicker.
	rowsAtOnce = 100
	// maxBundleValues is beyond how many values a bundle goes on in another statement. PostgreSQL counts to 65,535.
	maxBundleValues = 1000
	// keptBundleValues is up to how many values a statement of a bundle is kept prepared: a client with few grants has 70.
	// One of a thousand values takes PostgreSQL 400 KiB on each connection, and may not come again in the same words.
	keptBundleValues = 150
)

// bundle gathers changes that are sent together. PostgreSQL takes them as one statement, and so in one round trip: over
// paired runs with a million credentials, one was created in a tenth less time. SQLite, which is none away, takes them in
// turn.
//
// In one statement no change sees what another does, and foreign keys are checked after all of them (PostgreSQL's manual,
// "Data-Modifying Statements in WITH"). So no change of a bundle may touch a row that another touches, unless it inserts it
// ON CONFLICT DO NOTHING, or read what one before it writes; and each must be possible after those before it.
type bundle struct {
	changes []statement
	err     error // The first of what was added.
}

// add takes one more change, with the columns of the row, or of each of the rows, for placeholders.
func (b *bundle) add(text string, row any) {
	text, values, err := sqlx.Named(text, row)
	if b.err == nil {
		b.err = err
	}
	b.changes = append(b.changes, statement{text, values})
}

// addRows is add for many rows, or for none.
func addRows[T any](b *bundle, text string, rows []T) {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		b.add(text, some)
	}
}

// insertRows inserts many rows, one statement after the other.
func insertRows[T any](ctx context.Context, tx *sqlx.Tx, text string, rows []T) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		if _, err := tx.NamedExecContext(ctx, text, some); err != nil {
			return err
		}
	}
	return nil
}

// send makes the changes.
func (b *bundle) send(ctx context.Context, tx *sqlx.Tx) error {
	if b.err != nil {
		return b.err
	}
	for len(b.changes) > 0 {
		next := b.next(tx.DriverName() == namePostgres)
		ctx := recurring(ctx, len(next.values) <= keptBundleValues)
		if _, err := tx.ExecContext(ctx, tx.Rebind(next.text), next.values...); err != nil {
			return err
		}
	}
	return nil
}

// next takes the first change from the bundle, or as many as one statement may hold.
func (b *bundle) next(together bool) statement {
	n, values := 1, slices.Clip(b.changes[0].values)
	for together && n < len(b.changes) && len(values)+len(b.changes[n].values) <= maxBundleValues {
		values = append(values, b.changes[n].values...)
		n++
	}
	parts := make([]string, n-1)
	for i := range parts {
		parts[i] = fmt.Sprintf("change%d AS (%s)", i, b.changes[i].text)
	}
	text := b.changes[n-1].text
	if n > 1 {
		text = "WITH " + strings.Join(parts, ", ") + " " + text
	}
	b.changes = b.changes[n:]
	return statement{text, values}
}
