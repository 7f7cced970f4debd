-- +goose Up

-- When the secret of a client expires, for lists by use as well: it stands beside what they are ordered by.
ALTER TABLE client_usage ADD COLUMN secret_expires_at TIMESTAMP;
UPDATE client_usage SET secret_expires_at = (SELECT c.secret_expires_at FROM clients c WHERE c.id = client_usage.client_id)
    WHERE client_id IN (SELECT id FROM clients WHERE secret_expires_at IS NOT NULL);

-- +goose StatementBegin
CREATE TRIGGER clients_copy_secret_end AFTER UPDATE OF secret_expires_at ON clients
    WHEN OLD.secret_expires_at IS NOT NEW.secret_expires_at
BEGIN
    UPDATE client_usage SET secret_expires_at = NEW.secret_expires_at WHERE client_id = NEW.id;
END;
-- +goose StatementEnd

CREATE INDEX client_usage_by_secret_end ON client_usage (secret_expires_at, org_id, status, used_at, client_id)
    WHERE secret_expires_at IS NOT NULL;

-- What is granted of an API at a place is found by both.
DROP INDEX grant_places_by_tenant;
CREATE INDEX grant_places_by_tenant ON grant_places (tenant_id, api, client_id);
