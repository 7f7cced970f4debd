-- +goose Up

-- Where an operator signs in, and who it is there: the issuer and the subject of an OpenID Connect provider. Both are
-- empty for one that signs in here, by a password.
ALTER TABLE operators ADD COLUMN upstream_issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE operators ADD COLUMN upstream_subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX operators_by_upstream ON operators (upstream_issuer, upstream_subject) WHERE upstream_issuer <> '';
