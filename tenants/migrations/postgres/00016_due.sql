-- When tenants have work to do. A row with an instance means that this process may be writing work in the tenant's
-- database, and takes care of it; a row without one is for every process.
-- +goose Up
CREATE TABLE due (
    tenant_id   text COLLATE "C" NOT NULL,
    instance_id text COLLATE "C" NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, instance_id)
);
CREATE INDEX due_at_idx ON due (at) WHERE instance_id = '';

-- Processes learn that work may be due.
-- +goose StatementBegin
CREATE FUNCTION due_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('tenantry_tenants', 'due');
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER due_notify AFTER INSERT OR UPDATE ON due
    FOR EACH ROW WHEN (NEW.instance_id = '') EXECUTE FUNCTION due_notify();

-- +goose Down
DROP TABLE due;
DROP FUNCTION due_notify();
