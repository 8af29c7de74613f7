-- An operator closes a tenant for maintenance: since when, what people are told, and when it is expected to end.
-- +goose Up
ALTER TABLE tenants
    ADD COLUMN maintenance_since   timestamptz,
    ADD COLUMN maintenance_message text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN maintenance_until   timestamptz;

-- +goose Down
ALTER TABLE tenants
    DROP COLUMN maintenance_since,
    DROP COLUMN maintenance_message,
    DROP COLUMN maintenance_until;
