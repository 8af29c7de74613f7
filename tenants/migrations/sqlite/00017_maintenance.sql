-- An operator closes a tenant for maintenance: since when, what people are told, and when it is expected to end.
-- +goose Up
ALTER TABLE tenants ADD COLUMN maintenance_since datetime;
ALTER TABLE tenants ADD COLUMN maintenance_message text NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN maintenance_until datetime;

-- +goose Down
ALTER TABLE tenants DROP COLUMN maintenance_since;
ALTER TABLE tenants DROP COLUMN maintenance_message;
ALTER TABLE tenants DROP COLUMN maintenance_until;
