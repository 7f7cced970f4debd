-- +goose Up

-- The chain of events (chain.go). Sequence numbers come from chain_head, for an identity leaves gaps behind. Events
-- from before there was a chain have no hash.
ALTER TABLE events ADD COLUMN hash BLOB CHECK (LENGTH(hash) = 32);
CREATE INDEX events_by_time ON events (at, seq);
CREATE INDEX events_by_actor ON events (actor_id, seq);
CREATE INDEX events_by_action ON events (action, seq);
CREATE TABLE chain_head (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT  NOT NULL,
    hash BLOB    NOT NULL CHECK (LENGTH(hash) = 32)
);
INSERT INTO chain_head (id, seq, hash)
    SELECT 1, COALESCE(MAX(seq), 0), ZEROBLOB(32) FROM events;
CREATE TABLE checkpoints (
    seq  BIGINT    NOT NULL PRIMARY KEY,
    hash BLOB      NOT NULL CHECK (LENGTH(hash) = 32),
    at   TIMESTAMP NOT NULL,
    jws  TEXT      NOT NULL
);

CREATE TABLE operators (
    id               TEXT      NOT NULL PRIMARY KEY,
    email            TEXT      NOT NULL UNIQUE, -- in lower case
    name             TEXT      NOT NULL,
    org_id           TEXT REFERENCES tenants (id), -- where the roles are held; NULL for the installation
    roles            TEXT      NOT NULL CHECK (JSON_VALID(roles)),
    status           TEXT      NOT NULL CHECK (status IN ('active', 'inactive')),
    password_hash    TEXT      NOT NULL, -- argon2id in PHC format; empty until it is set
    token_hash       BLOB UNIQUE CHECK (LENGTH(token_hash) = 32), -- of the token that sets the password
    token_expires_at TIMESTAMP,
    created_at       TIMESTAMP NOT NULL,
    created_by       TEXT      NOT NULL,
    updated_at       TIMESTAMP NOT NULL,
    updated_by       TEXT      NOT NULL,
    last_sign_in_at  TIMESTAMP,
    version          BIGINT    NOT NULL
);
CREATE INDEX operators_by_name ON operators (name, id);
CREATE INDEX operators_by_org ON operators (org_id, name, id);

CREATE TABLE sessions (
    hash         BLOB      NOT NULL PRIMARY KEY CHECK (LENGTH(hash) = 32), -- of the cookie's value
    operator_id  TEXT      NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    created_at   TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_by_operator ON sessions (operator_id, created_at);
