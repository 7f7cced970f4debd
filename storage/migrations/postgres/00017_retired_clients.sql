-- +goose Up

-- Whose tokens a retired slot stands for: what is suspended becomes invalid when its client is active again or deleted. A
-- running program of an older version leaves it out.
ALTER TABLE retired_slots ADD COLUMN client_id TEXT;
CREATE INDEX retired_slots_by_client ON retired_slots (client_id) WHERE status = 2;
