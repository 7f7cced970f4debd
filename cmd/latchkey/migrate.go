package main

import (
	"context"
	"fmt"
	"io"

	"github.com/latchkey-auth/latchkey/storage"
)

// migrate brings the schema up to date, and ends. It needs no secret: a migration opens no sealed key, so it is
// given the key of nothing.
func migrate(ctx context.Context, o *options, stdout io.Writer) error {
	o.settle()
	if err := readSecret(&o.DatabaseURL, o.DatabaseURLFile, "--database-url-file"); err != nil {
		return usageError{err}
	}
	db, err := storage.Open(ctx, storage.Config{
		URL: o.DatabaseURL, MasterKey: make([]byte, masterKeyBytes), MaxConns: o.DatabaseMaxConns, Now: now,
	})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "the database schema is up to date")
	return err
}
