-- A tenant that is moved is only read for a moment. Its old database stays on its old server for a while.
-- +goose Up
ALTER TABLE tenants
    ADD COLUMN read_only     boolean NOT NULL DEFAULT false,
    ADD COLUMN left_server   text COLLATE "C",
    ADD COLUMN left_database text COLLATE "C",
    ADD COLUMN left_until    timestamptz;

-- +goose Down
ALTER TABLE tenants
    DROP COLUMN read_only,
    DROP COLUMN left_server,
    DROP COLUMN left_database,
    DROP COLUMN left_until;
