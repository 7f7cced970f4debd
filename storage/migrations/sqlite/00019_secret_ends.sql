-- +goose Up

-- When the secret of a client expires that no rotation replaces: lists that ask for it find their page in clients alone. Of
-- those secrets all but one have expired, so it is the latest. The database keeps it, so that programs of an older version
-- keep it too.
ALTER TABLE clients ADD COLUMN secret_expires_at TIMESTAMP;
UPDATE clients SET secret_expires_at = (SELECT MAX(s.expires_at) FROM secrets s
    WHERE s.client_id = clients.id AND s.stops_at IS NULL AND s.stopped_at IS NULL)
    WHERE id IN (SELECT client_id FROM secrets WHERE expires_at IS NOT NULL AND stops_at IS NULL AND stopped_at IS NULL);

-- +goose StatementBegin
CREATE TRIGGER secrets_keep_end AFTER INSERT ON secrets WHEN NEW.expires_at IS NOT NULL
BEGIN
    UPDATE clients SET secret_expires_at = (SELECT MAX(s.expires_at) FROM secrets s
        WHERE s.client_id = NEW.client_id AND s.stops_at IS NULL AND s.stopped_at IS NULL) WHERE id = NEW.client_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER secrets_keep_end_deleted AFTER DELETE ON secrets WHEN OLD.expires_at IS NOT NULL
BEGIN
    UPDATE clients SET secret_expires_at = (SELECT MAX(s.expires_at) FROM secrets s
        WHERE s.client_id = OLD.client_id AND s.stops_at IS NULL AND s.stopped_at IS NULL) WHERE id = OLD.client_id;
END;
-- +goose StatementEnd

CREATE INDEX clients_by_secret_end ON clients (secret_expires_at, org_id, status, name, created_at, id)
    WHERE secret_expires_at IS NOT NULL AND deleted_at IS NULL;
DROP INDEX secrets_by_end;
DROP INDEX secrets_by_client_end;
