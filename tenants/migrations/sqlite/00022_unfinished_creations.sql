-- Creations that have not finished, for which each process looks regularly, are found without reading all tenants.
-- +goose Up
CREATE INDEX tenants_provisioning_idx ON tenants (id) WHERE state = 'provisioning';

-- +goose Down
DROP INDEX tenants_provisioning_idx;
