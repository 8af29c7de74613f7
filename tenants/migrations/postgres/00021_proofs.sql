-- What came of restoring tenants' backups, and the periodic work that one process does on behalf of all.
-- +goose Up
CREATE TABLE proofs (
    tenant_id text COLLATE "C" NOT NULL PRIMARY KEY,
    tried_at  timestamptz NOT NULL,
    error     text COLLATE "C" NOT NULL,
    proven_at timestamptz,
    backup_at timestamptz,
    took      bigint NOT NULL,
    size      bigint NOT NULL
);
CREATE TABLE chores (
    name        text COLLATE "C" NOT NULL PRIMARY KEY,
    instance_id text COLLATE "C",
    due_at      timestamptz NOT NULL
);

-- +goose Down
DROP TABLE chores;
DROP TABLE proofs;
