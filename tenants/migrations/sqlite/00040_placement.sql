-- How tenants lie on a Postgres server, and the pooler over which their scopes connect.
-- +goose Up
ALTER TABLE servers ADD placement text NOT NULL DEFAULT '' CONSTRAINT servers_placement_check CHECK (placement IN ('', 'database', 'schema'));
ALTER TABLE servers ADD pooler text NOT NULL DEFAULT '';
UPDATE servers SET placement = 'database' WHERE dialect = 'postgres';

-- +goose Down
ALTER TABLE servers DROP pooler;
ALTER TABLE servers DROP placement;
