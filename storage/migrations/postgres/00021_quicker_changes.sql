-- +goose Up

-- Those that read lock the two in this order, and the indexes of the first after both.
LOCK TABLE clients, secrets IN ACCESS EXCLUSIVE MODE;

-- What is new in the index of names waits in no list, which every search would read and some insert would have to clear.
ALTER INDEX IF EXISTS clients_by_trigram SET (fastupdate = off);
SELECT gin_clean_pending_list(to_regclass('clients_by_trigram'));

-- A secret that never expires cannot change when the client's secret expires, and most secrets do not.
DROP TRIGGER secrets_keep_end ON secrets;
CREATE CONSTRAINT TRIGGER secrets_keep_end AFTER UPDATE ON secrets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_secret_end();
CREATE CONSTRAINT TRIGGER secrets_keep_end_inserted AFTER INSERT ON secrets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.expires_at IS NOT NULL) EXECUTE FUNCTION keep_secret_end();
CREATE CONSTRAINT TRIGGER secrets_keep_end_deleted AFTER DELETE ON secrets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.expires_at IS NOT NULL) EXECUTE FUNCTION keep_secret_end();
