-- +goose Up
-- How long, in nanoseconds, the instance goes without a heartbeat at most.
ALTER TABLE instances ADD COLUMN ttl bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE instances DROP COLUMN ttl;
