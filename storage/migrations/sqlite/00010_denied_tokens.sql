-- +goose Up

-- The tokens that were revoked one by one, until they would have expired.
CREATE TABLE denied_tokens (
    jti        TEXT      NOT NULL PRIMARY KEY,
    client_id  TEXT      NOT NULL REFERENCES clients (id),
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX denied_tokens_by_client ON denied_tokens (client_id);
CREATE INDEX denied_tokens_by_end ON denied_tokens (expires_at);
