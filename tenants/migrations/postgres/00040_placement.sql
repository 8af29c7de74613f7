-- How tenants lie on a Postgres server, and the pooler over which their scopes connect.
-- +goose Up
ALTER TABLE servers
    ADD placement text COLLATE "C" NOT NULL DEFAULT '' CONSTRAINT servers_placement_check CHECK (placement IN ('', 'database', 'schema')),
    ADD pooler text COLLATE "C" NOT NULL DEFAULT '';
UPDATE servers SET placement = 'database' WHERE dialect = 'postgres';

-- +goose Down
ALTER TABLE servers DROP placement, DROP pooler;
