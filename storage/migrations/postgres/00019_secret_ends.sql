-- +goose Up

-- When the secret of a client expires that no rotation replaces: lists that ask for it find their page in clients alone. Of
-- those secrets all but one have expired, so it is the latest. The database keeps it, so that programs of an older version
-- keep it too.
ALTER TABLE clients ADD COLUMN secret_expires_at TIMESTAMPTZ;
UPDATE clients SET secret_expires_at = live.expires_at
    FROM (SELECT client_id, MAX(expires_at) AS expires_at FROM secrets
        WHERE expires_at IS NOT NULL AND stops_at IS NULL AND stopped_at IS NULL GROUP BY client_id) live
    WHERE clients.id = live.client_id;

-- +goose StatementBegin
CREATE FUNCTION keep_secret_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed TEXT := CASE TG_OP WHEN 'DELETE' THEN OLD.client_id ELSE NEW.client_id END;
    kept TIMESTAMPTZ := (SELECT MAX(expires_at) FROM secrets
        WHERE client_id = changed AND stops_at IS NULL AND stopped_at IS NULL);
BEGIN
    UPDATE clients SET secret_expires_at = kept WHERE id = changed AND secret_expires_at IS DISTINCT FROM kept;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- It waits for the end of the transaction: a change deletes the secrets of a client and inserts them again.
CREATE CONSTRAINT TRIGGER secrets_keep_end AFTER INSERT OR UPDATE OR DELETE ON secrets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_secret_end();

CREATE INDEX clients_by_secret_end ON clients (secret_expires_at) INCLUDE (id, org_id, status, name, created_at)
    WHERE secret_expires_at IS NOT NULL AND deleted_at IS NULL;
DROP INDEX secrets_by_end;
DROP INDEX secrets_by_client_end;
