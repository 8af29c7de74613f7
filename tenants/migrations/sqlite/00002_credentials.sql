-- +goose Up
ALTER TABLE tenants ADD COLUMN credentials blob;

-- +goose Down
ALTER TABLE tenants DROP COLUMN credentials;
