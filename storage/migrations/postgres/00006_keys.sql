-- +goose Up

-- The public half, so that every replica can publish a key that it cannot open. Empty in rows from before.
ALTER TABLE signing_keys ADD COLUMN public BYTEA NOT NULL DEFAULT '';
