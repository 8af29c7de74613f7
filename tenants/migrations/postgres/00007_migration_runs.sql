-- +goose Up
CREATE TABLE migration_runs (
    id          text COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL,
    plan        text COLLATE "C" NOT NULL,
    total       bigint NOT NULL,
    reason      text COLLATE "C" NOT NULL,
    started_by  text COLLATE "C" NOT NULL,
    instance_id text COLLATE "C",
    started_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT migration_runs_id_check CHECK (length(id) = 26),
    CONSTRAINT migration_runs_state_check CHECK (state IN ('running', 'stopping', 'stopped', 'done', 'failed', 'abandoned')),
    CONSTRAINT migration_runs_by_check CHECK (length(started_by) BETWEEN 1 AND 200)
);
CREATE UNIQUE INDEX migration_runs_unfinished_key ON migration_runs ((finished_at IS NULL)) WHERE finished_at IS NULL;

ALTER TABLE operations ADD COLUMN run_id text COLLATE "C";
CREATE INDEX operations_run_idx ON operations (run_id) WHERE run_id IS NOT NULL;

-- +goose Down
DROP INDEX operations_run_idx;
ALTER TABLE operations DROP COLUMN run_id;
DROP TABLE migration_runs;
