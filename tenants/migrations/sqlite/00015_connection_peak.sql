-- The most connections that a process has wanted at once since it began.
-- +goose Up
ALTER TABLE connection_shares ADD COLUMN peak integer NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE connection_shares DROP COLUMN peak;
