-- +goose Up
CREATE TABLE tenants (
    id             text     NOT NULL,
    subdomain      text     NOT NULL,
    name           text     NOT NULL,
    state          text     NOT NULL,
    server         text     NOT NULL,
    database       text     NOT NULL,
    schema_version integer  NOT NULL,
    epoch          integer  NOT NULL,
    created_by     text     NOT NULL,
    created_at     datetime NOT NULL,
    updated_at     datetime NOT NULL,
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

-- +goose Down
DROP TABLE tenants;
