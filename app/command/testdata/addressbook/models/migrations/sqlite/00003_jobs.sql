-- Jobs that wait, and those that were discarded.
-- +goose Up
CREATE TABLE jobs (
    id           text     NOT NULL,
    kind         text     NOT NULL,
    args         text     NOT NULL,
    unique_key   text,
    schedule     text     NOT NULL,
    state        text     NOT NULL,
    scheduled_at datetime NOT NULL,
    attempt      integer  NOT NULL,
    error        text     NOT NULL,
    created_at   datetime NOT NULL,
    updated_at   datetime NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT jobs_id_check CHECK (length(id) = 26),
    CONSTRAINT jobs_kind_check CHECK (length(kind) BETWEEN 1 AND 63),
    CONSTRAINT jobs_unique_check CHECK (length(unique_key) <= 200),
    CONSTRAINT jobs_state_check CHECK (state IN ('available', 'discarded'))
);
CREATE UNIQUE INDEX jobs_unique_key ON jobs (kind, unique_key) WHERE state = 'available';
CREATE INDEX jobs_due_idx ON jobs (state, scheduled_at, id);

-- +goose Down
DROP TABLE jobs;
