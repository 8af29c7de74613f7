-- Copies of tenants' databases from before a migration, which can be put back until the run is accepted.
-- +goose Up
CREATE TABLE migration_copies (
    run_id         text NOT NULL,
    tenant_id      text NOT NULL,
    server         text NOT NULL,
    database       text NOT NULL,
    schema_version integer NOT NULL,
    bytes          integer NOT NULL,
    made_at        datetime NOT NULL,
    PRIMARY KEY (run_id, tenant_id)
);
CREATE INDEX migration_copies_tenant_idx ON migration_copies (tenant_id);
ALTER TABLE migration_runs ADD COLUMN accepted_at datetime;

-- +goose Down
ALTER TABLE migration_runs DROP COLUMN accepted_at;
DROP TABLE migration_copies;
