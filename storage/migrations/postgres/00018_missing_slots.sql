-- +goose Up

-- Clients that an older program made after 00009, without a slot; and those that one makes while replicas of several
-- versions run: whoever has none at the end of a transaction is given one. No replica knows a client without.
INSERT INTO client_slots (client_id, slot)
    SELECT c.id, (SELECT next FROM status_slots) + ROW_NUMBER() OVER (ORDER BY c.id) - 1
    FROM clients c LEFT JOIN client_slots k ON k.client_id = c.id
    WHERE k.client_id IS NULL AND c.deleted_at IS NULL;
UPDATE status_slots SET next = GREATEST(next, COALESCE((SELECT MAX(slot) + 1 FROM client_slots), 0));

-- +goose StatementBegin
CREATE FUNCTION draw_missing_slot() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    drawn BIGINT;
BEGIN
    IF NOT EXISTS (SELECT FROM client_slots WHERE client_id = NEW.id)
        AND EXISTS (SELECT FROM clients WHERE id = NEW.id AND deleted_at IS NULL) THEN
        UPDATE status_slots SET next = next + 1 WHERE id = 1 RETURNING next - 1 INTO drawn;
        INSERT INTO client_slots (client_id, slot) VALUES (NEW.id, drawn);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER clients_draw_missing_slot AFTER INSERT ON clients
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION draw_missing_slot();
