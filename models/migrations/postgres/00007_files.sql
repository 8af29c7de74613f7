-- Files, as package files has them, and what is attached to tasks.
-- older code from: 1
-- +goose Up
CREATE TABLE files (
    id         text COLLATE "C" NOT NULL,
    type       text COLLATE "C" NOT NULL,
    size       bigint NOT NULL,
    sha256     text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT files_id_check CHECK (length(id) = 26),
    CONSTRAINT files_type_check CHECK (length(type) BETWEEN 1 AND 255),
    CONSTRAINT files_size_check CHECK (size >= 0),
    CONSTRAINT files_sha256_check CHECK (length(sha256) = 64)
);

CREATE TABLE attachments (
    id         bigserial PRIMARY KEY,
    task_id    bigint NOT NULL,
    file_id    text COLLATE "C" NOT NULL,
    author_id  bigint,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT attachments_task_id_fkey FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE,
    CONSTRAINT attachments_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE RESTRICT,
    CONSTRAINT attachments_author_id_fkey FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT attachments_name_check CHECK (length(name) BETWEEN 1 AND 255)
);
CREATE INDEX attachments_task_idx ON attachments (task_id, id);
CREATE UNIQUE INDEX attachments_file_key ON attachments (file_id);
CREATE INDEX attachments_author_idx ON attachments (author_id);

-- +goose Down
DROP TABLE attachments;
DROP TABLE files;
