-- +goose Up
ALTER TABLE tenants ADD COLUMN credentials bytea;

-- +goose Down
ALTER TABLE tenants DROP COLUMN credentials;
