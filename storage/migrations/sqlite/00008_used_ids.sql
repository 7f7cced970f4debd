-- +goose Up

-- The ids of what may be used once, such as client assertions, for as long as they could come again. An id is a hash,
-- made by whoever uses it.
CREATE TABLE used_ids (
    id         TEXT NOT NULL PRIMARY KEY,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX used_ids_by_end ON used_ids (expires_at);
