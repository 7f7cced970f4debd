-- +goose Up

-- Whether every token of the client is bound to a key that it proves to hold (RFC 9449).
ALTER TABLE clients ADD COLUMN dpop_required BOOLEAN NOT NULL DEFAULT FALSE;
