package storage

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/jmoiron/sqlx"

	"github.com/latchkey-auth/latchkey/admin"
	"github.com/latchkey-auth/latchkey/oauth"
)

// keyRow is a row of signing_keys.
type keyRow struct {
	ID        string                  `db:"id"`
	Algorithm jose.SignatureAlgorithm `db:"algorithm"`
	// Public is the public half in PKIX, empty in rows from before it was kept.
	Public []byte `db:"public"`
	// Sealed is the private half under the master key that SealKeyID names, or the reference by which the security
	// module that it names finds it.
	Sealed      []byte `db:"sealed"`
	SealKeyID   string `db:"seal_key_id"`
	CreatedAt   moment `db:"created_at"`
	ActiveFrom  moment `db:"active_from"`
	RetiredFrom moment `db:"retired_from"`
	GoneFrom    moment `db:"gone_from"`
}

// inModule comes before the name of a security module in place of a master key's id.
const inModule = "module:"

const selectKeys = `SELECT id, algorithm, public, sealed, seal_key_id, created_at, active_from, retired_from, gone_from
	FROM signing_keys ORDER BY created_at, id`

// key answers the key without its private half.
func (db *DB) key(row *keyRow) (oauth.SigningKey, error) {
	key := oauth.SigningKey{
		ID: row.ID, Algorithm: row.Algorithm,
		CreatedAt: row.CreatedAt.Time, ActiveFrom: row.ActiveFrom.Time,
		RetiredFrom: row.RetiredFrom.Time, GoneFrom: row.GoneFrom.Time,
	}
	if len(row.Public) == 0 {
		private, err := db.private(row)
		if err != nil {
			return key, fmt.Errorf("opening signing key %s: %w", row.ID, err)
		}
		key.Public = private.Public()
		return key, nil
	}
	var err error
	if key.Public, err = x509.ParsePKIXPublicKey(row.Public); err != nil {
		return key, fmt.Errorf("reading signing key %s: %w", row.ID, err)
	}
	return key, nil
}

// private answers the private half of a key, from under its seal or from the security module.
func (db *DB) private(row *keyRow) (crypto.Signer, error) {
	name, external := strings.CutPrefix(row.SealKeyID, inModule)
	if !external {
		return db.seal.open(row)
	}
	if db.module == nil || db.module.Name() != name {
		return nil, fmt.Errorf("it is in the security module %q, which is not configured", name)
	}
	public, err := x509.ParsePKIXPublicKey(row.Public)
	if err != nil {
		return nil, err
	}
	return db.module.FindKey(string(row.Sealed), public)
}

// SigningKeys implements admin.Store.
func (db *DB) SigningKeys(ctx context.Context) (keys []oauth.SigningKey, err error) {
	err = db.ask(ctx, "reading the signing keys", func(ctx context.Context) error {
		keys, err = db.signingKeys(ctx, db.from())
		return err
	})
	return keys, err
}

func (db *DB) signingKeys(ctx context.Context, from sqlx.QueryerContext) ([]oauth.SigningKey, error) {
	var rows []keyRow
	if err := sqlx.SelectContext(ctx, from, &rows, selectKeys); err != nil {
		return nil, err
	}
	keys := make([]oauth.SigningKey, len(rows))
	for i := range rows {
		var err error
		if keys[i], err = db.key(&rows[i]); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// UpdateKeys implements admin.Store. The function change must be quick, and must not ask this store anything: every
// other change in the installation waits for it.
func (db *DB) UpdateKeys(
	ctx context.Context, change func([]oauth.SigningKey) ([]oauth.SigningKey, []admin.Event, error),
) error {
	var refusal error
	_, err := db.change(ctx, "changing the signing keys", []string{subjectKeys},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			before, err := db.signingKeys(ctx, tx)
			if err != nil {
				return false, err
			}
			after, events, err := change(before)
			if err != nil || len(events) == 0 {
				refusal = err
				return false, nil
			}
			if err := db.storeKeys(ctx, tx, before, after); err != nil {
				return false, err
			}
			for i := range events {
				if err := insertEvent(ctx, tx, &events[i]); err != nil {
					return false, err
				}
			}
			return true, nil
		})
	if refusal != nil {
		return refusal
	}
	return err
}

func (db *DB) storeKeys(ctx context.Context, tx *sqlx.Tx, before, after []oauth.SigningKey) error {
	gone := make(map[string]bool, len(before))
	for i := range before {
		gone[before[i].ID] = true
	}
	for i := range after {
		key := &after[i]
		store := db.insertKey
		if gone[key.ID] {
			store = db.updateKey
		}
		if err := store(ctx, tx, key); err != nil {
			return err
		}
		delete(gone, key.ID)
	}
	for id := range gone {
		if _, err := tx.ExecContext(ctx, `DELETE FROM signing_keys WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) insertKey(ctx context.Context, tx *sqlx.Tx, key *oauth.SigningKey) error {
	public, err := x509.MarshalPKIXPublicKey(key.Public)
	if err != nil {
		return fmt.Errorf("storing signing key %s: %w", key.ID, err)
	}
	row := keyRow{
		ID: key.ID, Algorithm: key.Algorithm, Public: public,
		CreatedAt: moment{key.CreatedAt}, ActiveFrom: moment{key.ActiveFrom},
		RetiredFrom: moment{key.RetiredFrom}, GoneFrom: moment{key.GoneFrom},
	}
	if external, ok := key.Private.(oauth.ExternalSigner); ok && db.module != nil {
		row.Sealed, row.SealKeyID = []byte(external.Reference()), inModule+db.module.Name()
	} else {
		row.SealKeyID = db.seal.id()
		if row.Sealed, err = db.seal.seal(*key); err != nil {
			return err
		}
	}
	_, err = tx.NamedExecContext(ctx, `INSERT INTO signing_keys
			(id, algorithm, public, sealed, seal_key_id, created_at, active_from, retired_from, gone_from)
		VALUES (:id, :algorithm, :public, :sealed, :seal_key_id, :created_at, :active_from, :retired_from, :gone_from)`, row)
	return err
}

func (db *DB) updateKey(ctx context.Context, tx *sqlx.Tx, key *oauth.SigningKey) error {
	_, err := tx.ExecContext(ctx, `UPDATE signing_keys SET active_from = $2, retired_from = $3, gone_from = $4 WHERE id = $1`,
		key.ID, moment{key.ActiveFrom}, moment{key.RetiredFrom}, moment{key.GoneFrom})
	return err
}

// Reseal seals every private key, and every key of an authenticator app, under the master key in force, and answers how
// many were under another. Servers may
// run meanwhile, if they know both. It wraps ErrMasterKey if a key cannot be opened; then nothing has changed.
func (db *DB) Reseal(ctx context.Context, event admin.Event) (resealed int, err error) {
	_, err = db.change(ctx, "resealing the signing keys", []string{subjectKeys},
		func(ctx context.Context, tx *sqlx.Tx) (bool, error) {
			var rows []keyRow
			if err := tx.SelectContext(ctx, &rows, selectKeys); err != nil {
				return false, err
			}
			resealed = 0
			for i := range rows {
				row := &rows[i]
				if row.SealKeyID == db.seal.id() || strings.HasPrefix(row.SealKeyID, inModule) {
					continue
				}
				private, err := db.seal.open(row)
				if err != nil {
					return false, fmt.Errorf("opening signing key %s: %w", row.ID, err)
				}
				sealed, err := db.seal.seal(oauth.SigningKey{ID: row.ID, Private: private})
				if err != nil {
					return false, err
				}
				if _, err := tx.ExecContext(ctx, `UPDATE signing_keys SET sealed = $2, seal_key_id = $3 WHERE id = $1`,
					row.ID, sealed, db.seal.id()); err != nil {
					return false, err
				}
				resealed++
			}
			factors, err := db.resealSecondFactors(ctx, tx)
			if err != nil {
				return false, err
			}
			if resealed += factors; resealed == 0 {
				return false, nil
			}
			return true, insertEvent(ctx, tx, &event)
		})
	return resealed, err
}

// SealedKeys answers the public halves of the signing keys that rest under the master key. They are read from under the
// seal, for a public half that stands beside it is what anybody who writes in the database wants it to be. It wraps
// ErrMasterKey if none can be opened.
func (db *DB) SealedKeys(ctx context.Context) (oauth.PublicKeys, error) {
	var rows []keyRow
	err := db.ask(ctx, "reading the signing keys", func(ctx context.Context) error {
		return db.sql.SelectContext(ctx, &rows, selectKeys)
	})
	if err != nil {
		return nil, err
	}
	var (
		opened  []oauth.SigningKey
		failure error
	)
	for i := range rows {
		row := &rows[i]
		if strings.HasPrefix(row.SealKeyID, inModule) {
			continue
		}
		private, err := db.seal.open(row)
		if err != nil {
			failure = fmt.Errorf("opening signing key %s: %w", row.ID, err)
			continue
		}
		opened = append(opened, oauth.SigningKey{ID: row.ID, Algorithm: row.Algorithm, Public: private.Public()})
	}
	if len(opened) == 0 && failure != nil {
		return nil, failure
	}
	return oauth.NewPublicKeys(opened), nil
}

// keyring reads and opens the signing keys that are not gone. A key that cannot be opened here is published all the
// same, for another replica may sign with it; but if none can be, it wraps ErrMasterKey or what else the cause was.
func (db *DB) keyring(ctx context.Context) (*oauth.Keyring, error) {
	var rows []keyRow
	err := db.ask(ctx, "reading the signing keys", func(ctx context.Context) error {
		return db.sql.SelectContext(ctx, &rows, selectKeys)
	})
	if err != nil {
		return nil, err
	}
	var (
		keys    []oauth.SigningKey
		opened  int
		failure error
	)
	for i := range rows {
		key, err := db.key(&rows[i])
		if err != nil {
			return nil, err
		}
		if key.State(db.now()) == oauth.KeyGone {
			continue
		}
		if private, err := db.private(&rows[i]); err == nil {
			key.Private = private
			opened++
		} else {
			failure = fmt.Errorf("opening signing key %s: %w", key.ID, err)
		}
		keys = append(keys, key)
	}
	if opened == 0 && failure != nil {
		return nil, failure
	}
	return oauth.NewKeyring(keys)
}
