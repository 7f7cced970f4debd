package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

// The schema is not the one this program was made for.
var (
	// ErrSchemaOld: the database must be migrated first.
	ErrSchemaOld = errors.New("the database schema is older than this program")
	// ErrSchemaNew: a newer program has migrated the database, and this one cannot know what it would break.
	ErrSchemaNew = errors.New("the database schema is newer than this program")
)

// migrationTimeout bounds one statement of a migration, and the wait for another replica that migrates.
const migrationTimeout = 5 * time.Minute

// Migrate brings the schema to what this program needs, and never back. Several replicas may do so at once. It wraps
// ErrSchemaNew for a database that is ahead.
func (db *DB) Migrate(ctx context.Context) error {
	return db.failure(ctx, "migrating the database", db.withGoose(func(provider *goose.Provider) error {
		behind := int64(-1)
		for {
			version, err := compare(ctx, provider)
			if !errors.Is(err, ErrSchemaOld) {
				return err
			}
			_, err = provider.Up(ctx)
			// PostgreSQL lets one replica migrate while the others wait. SQLite has no such lock: there each
			// migration is one immediate transaction, so of two that run it one fails whole, and finds the work
			// done when it looks again.
			if err != nil && version == behind {
				return err
			}
			behind = version
		}
	}))
}

// CheckMigrated answers whether the schema is the one this program needs: it wraps ErrSchemaOld or ErrSchemaNew if
// not.
func (db *DB) CheckMigrated(ctx context.Context) error {
	return db.failure(ctx, "checking the database schema", db.withGoose(func(provider *goose.Provider) error {
		_, err := compare(ctx, provider)
		return err
	}))
}

// withGoose lets work use goose, on connections that are patient with a long statement.
func (db *DB) withGoose(work func(*goose.Provider) error) error {
	pool, err := connect(db.dialect, migrationTimeout, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	files, dialect, options, err := db.dialect.migrations()
	if err != nil {
		return err
	}
	options = append(options, goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(dialect, pool.DB, files, options...)
	if err != nil {
		return err
	}
	return work(provider)
}

// compare answers the schema's version, and how it differs from the one this program needs.
func compare(ctx context.Context, provider *goose.Provider) (int64, error) {
	version, needed, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return version, err
	case version < needed:
		return version, fmt.Errorf("%w: it is at version %d of %d: run the migrations", ErrSchemaOld, version, needed)
	case version > needed:
		return version, fmt.Errorf("%w: it is at version %d of %d: run a newer program", ErrSchemaNew, version, needed)
	default:
		return version, nil
	}
}
