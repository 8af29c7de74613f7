-- Servers on which tenants' databases live. Processes are configured with the default one.
-- +goose Up
CREATE TABLE servers (
    id          text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    dialect     text COLLATE "C" NOT NULL,
    address     text COLLATE "C" NOT NULL,
    url         bytea,
    capacity    bigint NOT NULL,
    connections bigint NOT NULL,
    labels      text COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT servers_id_check CHECK (length(id) = 26),
    CONSTRAINT servers_name_check CHECK (length(name) BETWEEN 1 AND 63),
    CONSTRAINT servers_dialect_check CHECK (dialect IN ('', 'sqlite', 'postgres')),
    CONSTRAINT servers_capacity_check CHECK (capacity >= 0),
    CONSTRAINT servers_connections_check CHECK (connections >= 0),
    CONSTRAINT servers_state_check CHECK (state IN ('active', 'draining'))
);
CREATE UNIQUE INDEX servers_name_key ON servers (name);
INSERT INTO servers VALUES ('00000000000000000000000000', 'default', '', '', NULL, 0, 0, '{}', 'active', '2026-11-26 00:00:00+00');

-- An empty id means that anything may have changed.
-- +goose StatementBegin
CREATE FUNCTION servers_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('tenantry_tenants', '');
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER servers_notify AFTER INSERT OR UPDATE OR DELETE ON servers
    FOR EACH STATEMENT EXECUTE FUNCTION servers_notify();

-- +goose Down
DROP TABLE servers;
DROP FUNCTION servers_notify();
