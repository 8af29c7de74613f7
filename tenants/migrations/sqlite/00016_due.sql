-- When tenants have work to do. A row with an instance means that this process may be writing work in the tenant's
-- database, and takes care of it; a row without one is for every process.
-- +goose Up
CREATE TABLE due (
    tenant_id   text     NOT NULL,
    instance_id text     NOT NULL,
    at          datetime NOT NULL,
    PRIMARY KEY (tenant_id, instance_id)
);
CREATE INDEX due_at_idx ON due (at) WHERE instance_id = '';

-- Processes learn from this count that work may be due, as they learn from the other one that tenants have changed.
ALTER TABLE registry_changes ADD COLUMN due integer NOT NULL DEFAULT 0;
-- +goose StatementBegin
CREATE TRIGGER due_count_insert AFTER INSERT ON due WHEN NEW.instance_id = '' BEGIN UPDATE registry_changes SET due = due + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER due_count_update AFTER UPDATE ON due WHEN NEW.instance_id = '' BEGIN UPDATE registry_changes SET due = due + 1; END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE due;
ALTER TABLE registry_changes DROP COLUMN due;
