-- +goose Up
CREATE TABLE migration_runs (
    id          text NOT NULL,
    state       text NOT NULL,
    plan        text NOT NULL,
    total       integer NOT NULL,
    reason      text NOT NULL,
    started_by  text NOT NULL,
    instance_id text,
    started_at  datetime NOT NULL,
    updated_at  datetime NOT NULL,
    finished_at datetime,
    PRIMARY KEY (id),
    CONSTRAINT migration_runs_id_check CHECK (length(id) = 26),
    CONSTRAINT migration_runs_state_check CHECK (state IN ('running', 'stopping', 'stopped', 'done', 'failed', 'abandoned')),
    CONSTRAINT migration_runs_by_check CHECK (length(started_by) BETWEEN 1 AND 200)
);
CREATE UNIQUE INDEX migration_runs_unfinished_key ON migration_runs ((finished_at IS NULL)) WHERE finished_at IS NULL;

ALTER TABLE operations ADD COLUMN run_id text;
CREATE INDEX operations_run_idx ON operations (run_id) WHERE run_id IS NOT NULL;

-- +goose Down
DROP INDEX operations_run_idx;
ALTER TABLE operations DROP COLUMN run_id;
DROP TABLE migration_runs;
