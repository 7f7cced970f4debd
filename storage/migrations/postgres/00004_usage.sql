-- +goose Up

-- Usage is noted by batches that were gathered before. Its tables refer to nothing: a batch must not fail for one row.

-- When each client was last issued a token and refused one. It stands beside clients and not in it, because it is
-- written far more often, and each client has its row from the beginning.
CREATE TABLE client_usage (
    client_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id          TEXT COLLATE "C" NOT NULL, -- this and the next two are the client's own, for lists by use
    status          TEXT             NOT NULL,
    created_at      TIMESTAMPTZ      NOT NULL,
    used_at         TIMESTAMPTZ      NOT NULL, -- the first of 1970 for never
    used_from       TEXT             NOT NULL,
    refused_at      TIMESTAMPTZ,
    refused_code    TEXT             NOT NULL,
    refused_reason  TEXT             NOT NULL,
    refused_missing TEXT             NOT NULL  -- the first missing permission, as a scope
);
INSERT INTO client_usage (client_id, org_id, status, created_at, used_at, used_from, refused_code, refused_reason, refused_missing)
    SELECT id, org_id, status, created_at, TIMESTAMPTZ 'epoch', '', '', '', '' FROM clients WHERE deleted_at IS NULL;
CREATE INDEX client_usage_by_use ON client_usage (used_at, client_id);
CREATE INDEX client_usage_by_org_use ON client_usage (org_id, used_at, client_id);
CREATE INDEX client_usage_by_status ON client_usage (status, used_at, client_id);
CREATE INDEX client_usage_by_refusal ON client_usage (refused_at, client_id) WHERE refused_at IS NOT NULL;

-- When each secret last got a token. The rows of secrets come and go with every change of a client.
CREATE TABLE secret_usage (
    client_id TEXT COLLATE "C" NOT NULL,
    secret_id TEXT COLLATE "C" NOT NULL,
    used_at   TIMESTAMPTZ      NOT NULL,
    used_from TEXT             NOT NULL,
    PRIMARY KEY (client_id, secret_id)
);

-- What came of each client's requests, by days since the first of 1970 in UTC.
CREATE TABLE usage_days (
    client_id TEXT COLLATE "C" NOT NULL,
    day       BIGINT           NOT NULL,
    secret_id TEXT COLLATE "C" NOT NULL, -- empty where none matched
    outcome   TEXT COLLATE "C" NOT NULL, -- issued, or why it was refused
    count     BIGINT           NOT NULL,
    PRIMARY KEY (client_id, day, secret_id, outcome)
);
CREATE INDEX usage_days_by_day ON usage_days (day);

-- When a token last held a permission: because it was asked for by name, or because all was asked for.
CREATE TABLE permission_usage (
    client_id   TEXT COLLATE "C" NOT NULL,
    scope       TEXT COLLATE "C" NOT NULL,
    asked_at    TIMESTAMPTZ,
    included_at TIMESTAMPTZ,
    PRIMARY KEY (client_id, scope)
);

-- The last refusals of each client.
CREATE TABLE refusals (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id TEXT COLLATE "C" NOT NULL,
    secret_id TEXT             NOT NULL,
    at        TIMESTAMPTZ      NOT NULL,
    address   TEXT             NOT NULL,
    code      TEXT             NOT NULL,
    reason    TEXT             NOT NULL,
    detail    TEXT             NOT NULL,
    scope     TEXT             NOT NULL,
    resources JSON             NOT NULL,
    missing   TEXT             NOT NULL
);
CREATE INDEX refusals_by_client ON refusals (client_id, at, id);
CREATE INDEX refusals_by_age ON refusals (at);

-- The batches that were added of late: none counts twice, also if its writer could not see that it was committed.
CREATE TABLE usage_batches (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at TIMESTAMPTZ      NOT NULL
);
CREATE INDEX usage_batches_by_age ON usage_batches (at);

-- A grant that holds throughout the org names the org as its place.
INSERT INTO grant_places (client_id, org_id, api, tenant_id)
    SELECT c.id, c.org_id, g.value ->> 'api', c.org_id FROM clients c, JSON_ARRAY_ELEMENTS(c.grants) g
    WHERE JSON_TYPEOF(c.grants) = 'array' AND g.value -> 'applies_to' ->> 'org' = 'true' AND c.deleted_at IS NULL;

-- What lists filter by. A list finds its page in indexes alone, and reads only the rows that are on it.
CREATE INDEX clients_for_lists ON clients (id) INCLUDE (org_id, name, status, created_at) WHERE deleted_at IS NULL;
DROP INDEX clients_by_org_name;
CREATE UNIQUE INDEX clients_by_org_name ON clients (org_id, name) INCLUDE (id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_status ON clients (status, name, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_status_age ON clients (status, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_org_status ON clients (org_id, status, name, id) WHERE deleted_at IS NULL;
CREATE INDEX secrets_by_end ON secrets (expires_at, client_id)
    WHERE expires_at IS NOT NULL AND stops_at IS NULL AND stopped_at IS NULL;
CREATE INDEX secrets_by_client_end ON secrets (client_id, expires_at)
    WHERE expires_at IS NOT NULL AND stops_at IS NULL AND stopped_at IS NULL;
CREATE INDEX secrets_rotating ON secrets (stops_at, client_id) WHERE stops_at IS NOT NULL AND stopped_at IS NULL;
DROP INDEX grant_permissions_by_api;
CREATE INDEX grant_permissions_by_api ON grant_permissions (api, permission, client_id);
DROP INDEX grant_places_by_tenant;
CREATE INDEX grant_places_by_tenant ON grant_places (tenant_id, client_id);

-- A search within names finds its rows by trigrams, if the database has that extension and lets us create it. Without
-- it a search gives the same answer, and takes longer.
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX clients_by_trigram ON clients USING gin (LOWER(name) gin_trgm_ops, LOWER(id) gin_trgm_ops)
        WHERE deleted_at IS NULL;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RAISE NOTICE 'searching without trigrams: %', SQLERRM;
END $$;
-- +goose StatementEnd
