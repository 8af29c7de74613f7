-- How the processes divide the connections to tenants' databases on a server.
-- +goose Up
CREATE TABLE connection_shares (
    instance_id text NOT NULL,
    server      text NOT NULL,
    granted     integer NOT NULL,
    wanted      integer NOT NULL,
    PRIMARY KEY (instance_id, server),
    CONSTRAINT connection_shares_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES instances (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE connection_shares;
