-- +goose Up

-- Every client has a slot, drawn anew whenever the tokens issued to it so far must end. Slots are numbered from 0; the
-- key shuffles them into places of the status lists, which anybody may read, so that these do not tell who came when.
CREATE TABLE status_slots (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    next BIGINT  NOT NULL,
    key  BYTEA   NOT NULL CHECK (LENGTH(key) = 16)
);
INSERT INTO status_slots (id, next, key) VALUES (1, (SELECT COUNT(*) FROM clients WHERE deleted_at IS NULL), UUID_SEND(GEN_RANDOM_UUID()));

CREATE TABLE client_slots (
    client_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES clients (id),
    slot      BIGINT           NOT NULL
) WITH (fillfactor = 50); -- Many are redrawn at once, in place.
INSERT INTO client_slots (client_id, slot)
    SELECT id, ROW_NUMBER() OVER (ORDER BY id) - 1 FROM clients WHERE deleted_at IS NULL;

-- The slots of tokens that have ended, for as long as one of them could be used.
CREATE TABLE retired_slots (
    slot   BIGINT      NOT NULL PRIMARY KEY,
    status INTEGER     NOT NULL CHECK (status IN (1, 2)), -- As draft-ietf-oauth-status-list counts: 1 invalid, 2 suspended.
    until  TIMESTAMPTZ NOT NULL
);
CREATE INDEX retired_slots_by_end ON retired_slots (until);
