-- +goose Up
CREATE TABLE tenants (
    id             text        NOT NULL,
    subdomain      text        NOT NULL,
    name           text        NOT NULL,
    state          text        NOT NULL,
    server         text        NOT NULL,
    database       text        NOT NULL,
    schema_version bigint      NOT NULL,
    epoch          bigint      NOT NULL,
    created_by     text        NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT tenants_id_check CHECK (length(id) BETWEEN 1 AND 26),
    CONSTRAINT tenants_subdomain_check CHECK (length(subdomain) BETWEEN 1 AND 40 AND subdomain = lower(subdomain)),
    CONSTRAINT tenants_name_check CHECK (length(name) <= 200),
    CONSTRAINT tenants_state_check CHECK (state IN ('provisioning', 'active', 'suspended', 'archived', 'purged', 'maintenance')),
    CONSTRAINT tenants_server_check CHECK (length(server) BETWEEN 1 AND 63),
    CONSTRAINT tenants_database_check CHECK (length(database) BETWEEN 1 AND 63),
    CONSTRAINT tenants_created_by_check CHECK (length(created_by) <= 63)
);
CREATE UNIQUE INDEX tenants_subdomain_key ON tenants (subdomain);
CREATE UNIQUE INDEX tenants_server_database_key ON tenants (server, database);

-- Running processes keep tenants in memory. The trigger tells them of every
-- change, also of one made by hand.
-- +goose StatementBegin
CREATE FUNCTION tenants_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_catalog.pg_notify('tenantry_tenants', OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        -- Postgres sends equal notifications of one transaction once.
        PERFORM pg_catalog.pg_notify('tenantry_tenants', NEW.id);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER tenants_notify AFTER INSERT OR UPDATE OR DELETE ON tenants
    FOR EACH ROW EXECUTE FUNCTION tenants_notify();

-- +goose Down
DROP TABLE tenants;
DROP FUNCTION tenants_notify();
