-- Servers on which tenants' databases live. Processes are configured with the default one.
-- +goose Up
CREATE TABLE servers (
    id          text NOT NULL,
    name        text NOT NULL,
    dialect     text NOT NULL,
    address     text NOT NULL,
    url         blob,
    capacity    integer NOT NULL,
    connections integer NOT NULL,
    labels      text NOT NULL,
    state       text NOT NULL,
    created_at  datetime NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT servers_id_check CHECK (length(id) = 26),
    CONSTRAINT servers_name_check CHECK (length(name) BETWEEN 1 AND 63),
    CONSTRAINT servers_dialect_check CHECK (dialect IN ('', 'sqlite', 'postgres')),
    CONSTRAINT servers_capacity_check CHECK (capacity >= 0),
    CONSTRAINT servers_connections_check CHECK (connections >= 0),
    CONSTRAINT servers_state_check CHECK (state IN ('active', 'draining'))
);
CREATE UNIQUE INDEX servers_name_key ON servers (name);
INSERT INTO servers VALUES ('00000000000000000000000000', 'default', '', '', NULL, 0, 0, '{}', 'active', '2026-11-26 00:00:00+00:00');

-- +goose Down
DROP TABLE servers;
