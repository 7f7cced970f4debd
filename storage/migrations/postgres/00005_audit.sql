-- +goose Up

-- The chain of events (chain.go). Sequence numbers come from chain_head, for an identity leaves gaps behind. Events
-- from before there was a chain have no hash.
ALTER TABLE events ALTER COLUMN seq DROP IDENTITY;
ALTER TABLE events ADD COLUMN hash BYTEA CHECK (LENGTH(hash) = 32);
CREATE INDEX events_by_time ON events (at, seq);
CREATE INDEX events_by_actor ON events (actor_id, seq);
CREATE INDEX events_by_action ON events (action, seq);
CREATE TABLE chain_head (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT  NOT NULL,
    hash BYTEA   NOT NULL CHECK (LENGTH(hash) = 32)
) WITH (fillfactor = 10);
INSERT INTO chain_head (id, seq, hash)
    SELECT 1, COALESCE(MAX(seq), 0), DECODE(REPEAT('00', 32), 'hex') FROM events;
CREATE TABLE checkpoints (
    seq  BIGINT      NOT NULL PRIMARY KEY,
    hash BYTEA       NOT NULL CHECK (LENGTH(hash) = 32),
    at   TIMESTAMPTZ NOT NULL,
    jws  TEXT        NOT NULL
);

CREATE TABLE operators (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email            TEXT COLLATE "C" NOT NULL UNIQUE, -- in lower case
    name             TEXT COLLATE "C" NOT NULL,
    org_id           TEXT COLLATE "C" REFERENCES tenants (id), -- where the roles are held; NULL for the installation
    roles            JSON             NOT NULL,
    status           TEXT             NOT NULL CHECK (status IN ('active', 'inactive')),
    password_hash    TEXT             NOT NULL, -- argon2id in PHC format; empty until it is set
    token_hash       BYTEA UNIQUE CHECK (LENGTH(token_hash) = 32), -- of the token that sets the password
    token_expires_at TIMESTAMPTZ,
    created_at       TIMESTAMPTZ      NOT NULL,
    created_by       TEXT             NOT NULL,
    updated_at       TIMESTAMPTZ      NOT NULL,
    updated_by       TEXT             NOT NULL,
    last_sign_in_at  TIMESTAMPTZ,
    version          BIGINT           NOT NULL
);
CREATE INDEX operators_by_name ON operators (name, id);
CREATE INDEX operators_by_org ON operators (org_id, name, id);

CREATE TABLE sessions (
    hash         BYTEA            NOT NULL PRIMARY KEY CHECK (LENGTH(hash) = 32), -- of the cookie's value
    operator_id  TEXT COLLATE "C" NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    created_at   TIMESTAMPTZ      NOT NULL,
    last_used_at TIMESTAMPTZ      NOT NULL
);
CREATE INDEX sessions_by_operator ON sessions (operator_id, created_at);
