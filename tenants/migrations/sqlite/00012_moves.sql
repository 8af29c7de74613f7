-- A tenant that is moved is only read for a moment. Its old database stays on its old server for a while.
-- +goose Up
ALTER TABLE tenants ADD COLUMN read_only numeric NOT NULL DEFAULT false;
ALTER TABLE tenants ADD COLUMN left_server text;
ALTER TABLE tenants ADD COLUMN left_database text;
ALTER TABLE tenants ADD COLUMN left_until datetime;

-- +goose Down
ALTER TABLE tenants DROP COLUMN read_only;
ALTER TABLE tenants DROP COLUMN left_server;
ALTER TABLE tenants DROP COLUMN left_database;
ALTER TABLE tenants DROP COLUMN left_until;
