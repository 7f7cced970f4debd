-- +goose Up

-- A TIMESTAMP is an integer: microseconds since 1970, UTC. (STRICT tables know no such type, hence the checks.)

-- The one row that every change moves first.
CREATE TABLE epoch (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    value BIGINT  NOT NULL
);
INSERT INTO epoch (id, value) VALUES (1, 0);

-- What changed in which epoch. It always holds the present one.
CREATE TABLE changes (
    epoch   BIGINT NOT NULL,
    subject TEXT   NOT NULL,
    PRIMARY KEY (epoch, subject)
);
INSERT INTO changes (epoch, subject) VALUES (0, 'catalog');

CREATE TABLE tenants (
    id         TEXT      NOT NULL PRIMARY KEY,
    level      TEXT      NOT NULL CHECK (level IN ('org', 'account', 'workspace')),
    parent_id  TEXT,
    org_id     TEXT      NOT NULL,
    name       TEXT      NOT NULL,
    status     TEXT      NOT NULL CHECK (status IN ('active', 'inactive')),
    version    BIGINT    NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
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
    key            TEXT      NOT NULL PRIMARY KEY,
    name           TEXT      NOT NULL,
    description    TEXT      NOT NULL,
    audience       TEXT      NOT NULL,
    level          TEXT      NOT NULL CHECK (level IN ('installation', 'org', 'account', 'workspace')),
    choice         TEXT      NOT NULL CHECK (choice IN ('one', 'many')),
    permissions    TEXT      NOT NULL CHECK (JSON_VALID(permissions)),
    grantable_by   TEXT      NOT NULL CHECK (JSON_VALID(grantable_by)),
    token_lifetime BIGINT    NOT NULL, -- seconds
    status         TEXT      NOT NULL CHECK (status IN ('active', 'inactive')),
    version        BIGINT    NOT NULL,
    created_at     TIMESTAMP NOT NULL,
    updated_at     TIMESTAMP NOT NULL
);

CREATE TABLE clients (
    id             TEXT      NOT NULL PRIMARY KEY,
    org_id         TEXT      NOT NULL REFERENCES tenants (id),
    name           TEXT      NOT NULL,
    note           TEXT      NOT NULL,
    owner          TEXT      NOT NULL,
    status         TEXT      NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    auth_method    TEXT      NOT NULL,
    grants         TEXT      NOT NULL CHECK (JSON_VALID(grants)),
    token_lifetime BIGINT    NOT NULL, -- seconds; 0 leaves it to the APIs
    allowed_cidrs  TEXT      NOT NULL CHECK (JSON_VALID(allowed_cidrs)),
    created_at     TIMESTAMP NOT NULL,
    created_by     TEXT      NOT NULL,
    updated_at     TIMESTAMP NOT NULL,
    updated_by     TEXT      NOT NULL,
    version        BIGINT    NOT NULL,
    deleted_at     TIMESTAMP, -- a tombstone, kept for the audit trail
    UNIQUE (id, org_id),
    CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX clients_by_org_name ON clients (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_name ON clients (name, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_age ON clients (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_by_org_age ON clients (org_id, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE secrets (
    id         TEXT      NOT NULL PRIMARY KEY,
    client_id  TEXT      NOT NULL REFERENCES clients (id),
    hash       BLOB      NOT NULL CHECK (LENGTH(hash) = 32),
    hint       TEXT      NOT NULL,
    created_at TIMESTAMP NOT NULL,
    created_by TEXT      NOT NULL,
    expires_at TIMESTAMP,
    stops_at   TIMESTAMP,
    stopped_at TIMESTAMP
);
CREATE INDEX secrets_by_client ON secrets (client_id, created_at, id);

-- The grants of clients once more, row by row. Foreign keys hold them to the catalogue, and to the client's own org.
CREATE TABLE grant_permissions (
    client_id  TEXT NOT NULL REFERENCES clients (id),
    api        TEXT NOT NULL REFERENCES apis (key),
    permission TEXT NOT NULL,
    PRIMARY KEY (client_id, api, permission)
);
CREATE INDEX grant_permissions_by_api ON grant_permissions (api, permission);
CREATE TABLE grant_places (
    client_id TEXT NOT NULL,
    org_id    TEXT NOT NULL,
    api       TEXT NOT NULL REFERENCES apis (key),
    tenant_id TEXT NOT NULL,
    PRIMARY KEY (client_id, api, tenant_id),
    FOREIGN KEY (client_id, org_id) REFERENCES clients (id, org_id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES tenants (id, org_id)
);
CREATE INDEX grant_places_by_tenant ON grant_places (tenant_id);

CREATE TABLE signing_keys (
    id           TEXT      NOT NULL PRIMARY KEY,
    algorithm    TEXT      NOT NULL,
    sealed       BLOB      NOT NULL,
    seal_key_id  TEXT      NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    active_from  TIMESTAMP NOT NULL,
    retired_from TIMESTAMP,
    gone_from    TIMESTAMP
);

-- The audit trail. It outlives what it tells of, so it refers to nothing.
CREATE TABLE events (
    seq        INTEGER   NOT NULL PRIMARY KEY AUTOINCREMENT,
    id         TEXT      NOT NULL UNIQUE,
    at         TIMESTAMP NOT NULL,
    actor_kind TEXT      NOT NULL,
    actor_id   TEXT      NOT NULL,
    address    TEXT      NOT NULL,
    request_id TEXT      NOT NULL,
    action     TEXT      NOT NULL,
    target     TEXT      NOT NULL,
    org_id     TEXT      NOT NULL, -- empty for what belongs to the installation
    changes    TEXT      NOT NULL CHECK (JSON_VALID(changes))
);
CREATE INDEX events_by_org ON events (org_id, seq);
CREATE INDEX events_by_target ON events (target, seq);

CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
