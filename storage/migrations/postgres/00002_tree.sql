-- +goose Up

-- A deleted tenant leaves a tombstone: its org's deleted clients refer to it, and its id stays where it was in the tree.
ALTER TABLE tenants ADD COLUMN deleted_at TIMESTAMPTZ;
