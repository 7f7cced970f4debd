-- +goose Up

-- Clients that an older program made after 00009, without a slot. A file of SQLite has one program at a time, which draws
-- slots from now on.
INSERT INTO client_slots (client_id, slot)
    SELECT c.id, (SELECT next FROM status_slots) + ROW_NUMBER() OVER (ORDER BY c.id) - 1
    FROM clients c LEFT JOIN client_slots k ON k.client_id = c.id
    WHERE k.client_id IS NULL AND c.deleted_at IS NULL;
UPDATE status_slots SET next = MAX(next, COALESCE((SELECT MAX(slot) + 1 FROM client_slots), 0));
