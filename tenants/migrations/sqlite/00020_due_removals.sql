-- What each process looks for regularly is found without reading all tenants.
-- +goose Up
CREATE INDEX tenants_remove_after_idx ON tenants (remove_after) WHERE remove_after IS NOT NULL;
CREATE INDEX tenants_left_until_idx ON tenants (left_until) WHERE left_until IS NOT NULL;

-- +goose Down
DROP INDEX tenants_left_until_idx;
DROP INDEX tenants_remove_after_idx;
