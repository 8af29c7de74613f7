-- +goose Up
ALTER TABLE tenants ADD COLUMN remove_after timestamptz;

CREATE TABLE operations (
    id          text     NOT NULL,
    tenant_id   text     NOT NULL,
    subdomain   text     NOT NULL,
    kind        text     NOT NULL,
    state       text     NOT NULL,
    step        text     NOT NULL,
    params      text     NOT NULL,
    error       text     NOT NULL,
    attempts    bigint    NOT NULL,
    started_by  text     NOT NULL,
    instance_id text,
    started_at  timestamptz   NOT NULL,
    updated_at  timestamptz   NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT operations_id_check CHECK (length(id) = 26),
    CONSTRAINT operations_kind_check CHECK (length(kind) BETWEEN 1 AND 63),
    CONSTRAINT operations_state_check CHECK (state IN ('running', 'undoing', 'done', 'failed')),
    CONSTRAINT operations_by_check CHECK (length(started_by) BETWEEN 1 AND 200)
);
CREATE INDEX operations_tenant_idx ON operations (tenant_id, id);
CREATE UNIQUE INDEX operations_unfinished_key ON operations (tenant_id) WHERE finished_at IS NULL;

CREATE TABLE instances (
    id         text   NOT NULL,
    name       text   NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT instances_id_check CHECK (length(id) = 26)
);

CREATE TABLE acknowledgements (
    operation_id text NOT NULL,
    instance_id  text NOT NULL,
    PRIMARY KEY (operation_id, instance_id),
    CONSTRAINT acknowledgements_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES operations (id) ON DELETE CASCADE,
    CONSTRAINT acknowledgements_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES instances (id) ON DELETE CASCADE
);
CREATE INDEX acknowledgements_instance_idx ON acknowledgements (instance_id);

CREATE TABLE domains (
    tenant_id   text   NOT NULL,
    host        text   NOT NULL,
    challenge   text   NOT NULL,
    verified_at timestamptz,
    main        boolean NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, host),
    CONSTRAINT domains_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT domains_host_check CHECK (length(host) BETWEEN 3 AND 253 AND host = lower(host))
);
CREATE UNIQUE INDEX domains_host_key ON domains (host) WHERE verified_at IS NOT NULL;

CREATE TABLE retired_subdomains (
    subdomain      text   NOT NULL,
    tenant_id      text   NOT NULL,
    redirect_until timestamptz,
    reserved_until timestamptz NOT NULL,
    PRIMARY KEY (subdomain),
    CONSTRAINT retired_subdomains_subdomain_check CHECK (length(subdomain) BETWEEN 1 AND 40)
);
CREATE INDEX retired_subdomains_tenant_idx ON retired_subdomains (tenant_id);

-- What else decides which tenant a host leads to.
-- +goose StatementBegin
CREATE FUNCTION hosts_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_catalog.pg_notify('tenantry_tenants', OLD.tenant_id);
    ELSE
        PERFORM pg_catalog.pg_notify('tenantry_tenants', NEW.tenant_id);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER domains_notify AFTER INSERT OR UPDATE OR DELETE ON domains
    FOR EACH ROW EXECUTE FUNCTION hosts_notify();
CREATE TRIGGER retired_subdomains_notify AFTER INSERT OR UPDATE OR DELETE ON retired_subdomains
    FOR EACH ROW EXECUTE FUNCTION hosts_notify();

-- +goose Down
DROP TABLE retired_subdomains;
DROP TABLE domains;
DROP TABLE acknowledgements;
DROP TABLE instances;
DROP TABLE operations;
ALTER TABLE tenants DROP COLUMN remove_after;
DROP FUNCTION hosts_notify();
