-- +goose Up

-- Whoever reports a leaked secret knows its text alone.
CREATE INDEX secrets_by_hash ON secrets (hash);

-- The public keys of clients that authenticate by private_key_jwt, as a JWK set, or where they are published.
ALTER TABLE clients ADD COLUMN jwks JSON NOT NULL DEFAULT '{"keys":null}';
ALTER TABLE clients ADD COLUMN jwks_uri TEXT NOT NULL DEFAULT '';

-- What requests with an Idempotency-Key were answered. Neither the key nor anything that it does not open is kept.
CREATE TABLE idempotency (
    id          BYTEA            NOT NULL PRIMARY KEY CHECK (LENGTH(id) = 32), -- derived from the key
    actor       TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA            NOT NULL, -- of the request
    attempt     TEXT COLLATE "C" NOT NULL, -- who works on it
    answer      BYTEA,                     -- sealed; NULL while it is worked on
    expires_at  TIMESTAMPTZ      NOT NULL
);
CREATE INDEX idempotency_by_end ON idempotency (expires_at);
CREATE INDEX idempotency_by_actor ON idempotency (actor, expires_at);
