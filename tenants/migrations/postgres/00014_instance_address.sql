-- Where the instance listens for tenants' requests; empty if it serves none.
-- +goose Up
ALTER TABLE instances ADD COLUMN address text COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE instances DROP COLUMN address;
