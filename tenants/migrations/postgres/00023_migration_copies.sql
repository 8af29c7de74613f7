-- Copies of tenants' databases from before a migration, which can be put back until the run is accepted.
-- +goose Up
CREATE TABLE migration_copies (
    run_id         text COLLATE "C" NOT NULL,
    tenant_id      text COLLATE "C" NOT NULL,
    server         text COLLATE "C" NOT NULL,
    database       text COLLATE "C" NOT NULL,
    schema_version bigint NOT NULL,
    bytes          bigint NOT NULL,
    made_at        timestamptz NOT NULL,
    PRIMARY KEY (run_id, tenant_id)
);
CREATE INDEX migration_copies_tenant_idx ON migration_copies (tenant_id);
ALTER TABLE migration_runs ADD COLUMN accepted_at timestamptz;

-- +goose Down
ALTER TABLE migration_runs DROP COLUMN accepted_at;
DROP TABLE migration_copies;
