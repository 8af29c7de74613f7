-- What came of restoring tenants' backups, and the periodic work that one process does on behalf of all.
-- +goose Up
CREATE TABLE proofs (
    tenant_id text NOT NULL PRIMARY KEY,
    tried_at  datetime NOT NULL,
    error     text NOT NULL,
    proven_at datetime,
    backup_at datetime,
    took      integer NOT NULL,
    size      integer NOT NULL
);
CREATE TABLE chores (
    name        text NOT NULL PRIMARY KEY,
    instance_id text,
    due_at      datetime NOT NULL
);

-- +goose Down
DROP TABLE chores;
DROP TABLE proofs;
