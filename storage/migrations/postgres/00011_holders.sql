-- +goose Up

-- Whether every token of the client is bound to a key that it proves to hold (RFC 9449).
ALTER TABLE clients ADD COLUMN dpop_required BOOLEAN NOT NULL DEFAULT FALSE;

-- What the certificates of a client that authenticates by tls_client_auth say (RFC 8705): in which field, and what.
ALTER TABLE clients ADD COLUMN certificate_field TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN certificate_value TEXT NOT NULL DEFAULT '';
