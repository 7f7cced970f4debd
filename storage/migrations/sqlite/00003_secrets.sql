-- +goose Up

-- Whoever reports a leaked secret knows its text alone.
CREATE INDEX secrets_by_hash ON secrets (hash);

-- The public keys of clients that authenticate by private_key_jwt, as a JWK set, or where they are published.
ALTER TABLE clients ADD COLUMN jwks TEXT NOT NULL DEFAULT '{"keys":null}' CHECK (JSON_VALID(jwks));
ALTER TABLE clients ADD COLUMN jwks_uri TEXT NOT NULL DEFAULT '';

-- What requests with an Idempotency-Key were answered. Neither the key nor anything that it does not open is kept.
CREATE TABLE idempotency (
    id          BLOB      NOT NULL PRIMARY KEY CHECK (LENGTH(id) = 32), -- derived from the key
    actor       TEXT      NOT NULL,
    fingerprint BLOB      NOT NULL, -- of the request
    attempt     TEXT      NOT NULL, -- who works on it
    answer      BLOB,               -- sealed; NULL while it is worked on
    expires_at  TIMESTAMP NOT NULL
);
CREATE INDEX idempotency_by_end ON idempotency (expires_at);
CREATE INDEX idempotency_by_actor ON idempotency (actor, expires_at);
