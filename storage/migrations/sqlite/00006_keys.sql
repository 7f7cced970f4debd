-- +goose Up

-- The public half, so that every replica can publish a key that it cannot open. Empty in rows from before.
ALTER TABLE signing_keys ADD COLUMN public BLOB NOT NULL DEFAULT x'';

-- What the API's tokens are signed with; empty leaves it to the installation.
ALTER TABLE apis ADD COLUMN signing_alg TEXT NOT NULL DEFAULT '';
