-- +goose Up

-- The one row that every change moves first. Little of a page is filled, so that the row can be updated in place.
CREATE TABLE epoch (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    value BIGINT  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO epoch (id, value) VALUES (1, 0);

-- What changed in which epoch. It always holds the present one.
CREATE TABLE changes (
    epoch   BIGINT           NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (epoch, subject)
);
INSERT INTO changes (epoch, subject) VALUES (0, 'catalog');

-- Names and ids are compared byte by byte, as SQLite does it.
CREATE TABLE tenants (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    level      TEXT             NOT NULL CHECK (level IN ('org', 'account', 'workspace')),
    parent_id  TEXT COLLATE "C",
    org_id     TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    status     TEXT             NOT NULL CHECK (status IN ('active', 'inactive')),
    version    BIGINT           NOT NULL,
    created_at TIMESTAMPTZ      NOT NULL,
    updated_at TIMESTAMPTZ      NOT NULL,
    UNIQUE (id, org_id),
    CHECK ((level = 'org') = (parent_id IS NULL)),
    CHECK (level <> 'org' OR org_id = id),
    -- A child lies in its parent's org.
    FOREIGN KEY (parent_id, org_id) REFERENCES tenants (id, org_id)
);
CREATE INDEX tenants_by_name ON tenants (name, id);
CREATE INDEX tenants_by_parent ON tenants (parent_id, name, id);
CREATE INDEX tenants_by_org ON tenants (org_id, name, id);
CREATE INDEX tenants_by_age ON tenants (created_at, id) WHERE parent_id IS NULL;
CREATE INDEX tenants_inactive ON tenants (id) WHERE status <> 'active';

CREATE TABLE apis (
    key            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name           TEXT             NOT NULL,
    description    TEXT             NOT NULL,
    audience       TEXT             NOT NULL,
    level          TEXT             NOT NULL CHECK (level IN ('installation', 'org', 'account', 'workspace')),
    choice         TEXT             NOT NULL CHECK (choice IN ('one', 'many')),
    permissions    JSON             NOT NULL,
    grantable_by   JSON             NOT NULL,
    token_lifetime BIGINT           NOT NULL, -- seconds
    status         TEXT             NOT NULL CHECK (status IN ('active', 'inactive')),
    version        BIGINT           NOT NULL,
    created_at     TIMESTAMPTZ      NOT NULL,
    updated_at     TIMESTAMPTZ      NOT NULL
);

CREATE TABLE clients (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id         TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name           TEXT COLLATE "C" NOT NULL,
    note           TEXT             NOT NULL,
    owner          TEXT             NOT NULL,
    status         TEXT             NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    auth_method    TEXT             NOT NULL,
    grants         JSON             NOT NULL,
    token_lifetime BIGINT           NOT NULL, -- seconds; 0 leaves it to the APIs
    allowed_cidrs  JSON             NOT NULL,
    created_at     TIMESTAMPTZ      NOT NULL,
    created_by     TEXT             NOT NULL,
    updated_at     TIMESTAMPTZ      NOT NULL,
    updated_by     TEXT             NOT NULL,
    version        BIGINT           NOT NULL,
    deleted_at     TIMESTAMPTZ,               -- a tombstone, kept for the audit trail
    UNIQUE (id, org_id),
    CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX clients_by_org_name ON clients (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_name ON clients (name, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_age ON clients (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_org_age ON clients (org_id, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE secrets (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id  TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    hash       BYTEA            NOT NULL CHECK (LENGTH(hash) = 32),
    hint       TEXT             NOT NULL,
    created_at TIMESTAMPTZ      NOT NULL,
    created_by TEXT             NOT NULL,
    expires_at TIMESTAMPTZ,
    stops_at   TIMESTAMPTZ,
    stopped_at TIMESTAMPTZ
);
CREATE INDEX secrets_by_client ON secrets (client_id, created_at, id);

-- The grants of clients once more, row by row. Foreign keys hold them to the catalogue, and to the client's own org.
CREATE TABLE grant_permissions (
    client_id  TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    api        TEXT COLLATE "C" NOT NULL REFERENCES apis (key),
    permission TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (client_id, api, permission)
);
CREATE INDEX grant_permissions_by_api ON grant_permissions (api, permission);
CREATE TABLE grant_places (
    client_id TEXT COLLATE "C" NOT NULL,
    org_id    TEXT COLLATE "C" NOT NULL,
    api       TEXT COLLATE "C" NOT NULL REFERENCES apis (key),
    tenant_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (client_id, api, tenant_id),
    FOREIGN KEY (client_id, org_id) REFERENCES clients (id, org_id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES tenants (id, org_id)
);
CREATE INDEX grant_places_by_tenant ON grant_places (tenant_id);

CREATE TABLE signing_keys (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm    TEXT             NOT NULL,
    sealed       BYTEA            NOT NULL,
    seal_key_id  TEXT             NOT NULL,
    created_at   TIMESTAMPTZ      NOT NULL,
    active_from  TIMESTAMPTZ      NOT NULL,
    retired_from TIMESTAMPTZ,
    gone_from    TIMESTAMPTZ
);

-- The audit trail. It outlives what it tells of, so it refers to nothing.
CREATE TABLE events (
    seq        BIGINT           NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    at         TIMESTAMPTZ      NOT NULL,
    actor_kind TEXT             NOT NULL,
    actor_id   TEXT             NOT NULL,
    address    TEXT             NOT NULL,
    request_id TEXT             NOT NULL,
    action     TEXT             NOT NULL,
    target     TEXT COLLATE "C" NOT NULL,
    org_id     TEXT COLLATE "C" NOT NULL, -- empty for what belongs to the installation
    changes    JSON             NOT NULL
);
CREATE INDEX events_by_org ON events (org_id, seq);
CREATE INDEX events_by_target ON events (target, seq);

CREATE TABLE settings (
    key   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT             NOT NULL
);
