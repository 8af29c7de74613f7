-- The values of a tenant's own of the application's settings, as JSON.
-- +goose Up
ALTER TABLE tenants ADD COLUMN settings text NOT NULL DEFAULT '{}' CONSTRAINT tenants_settings_check CHECK (length(settings) <= 16384);

-- +goose Down
ALTER TABLE tenants DROP COLUMN settings;
