-- A tenant's weight among those that wait for connections; 0 is the default.
-- +goose Up
ALTER TABLE tenants ADD COLUMN limit_weight integer NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_weight_check CHECK (limit_weight >= 0);

-- +goose Down
ALTER TABLE tenants DROP COLUMN limit_weight;
