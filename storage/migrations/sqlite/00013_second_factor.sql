-- +goose Up

-- What an operator shows beside the password: the key of its authenticator app, the last code that was used, and hashes of
-- recovery codes, as JSON sealed under the master key that seal_key_id names. NULL for none.
ALTER TABLE operators ADD COLUMN second_factor BLOB;
ALTER TABLE operators ADD COLUMN seal_key_id TEXT;
