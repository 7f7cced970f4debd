-- +goose Up

-- How many tokens a client is issued at most, in an hour and in a day; 0 for any number.
ALTER TABLE clients ADD COLUMN quota_per_hour BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN quota_per_day BIGINT NOT NULL DEFAULT 0;
