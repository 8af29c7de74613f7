-- +goose Up
ALTER TABLE tasks ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE TABLE comments (
    id         integer  PRIMARY KEY AUTOINCREMENT,
    task_id    integer  NOT NULL,
    author_id  integer,
    body       text     NOT NULL,
    created_at datetime NOT NULL,
    CONSTRAINT comments_task_id_fkey FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE,
    CONSTRAINT comments_author_id_fkey FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT comments_body_check CHECK (length(body) BETWEEN 1 AND 10000)
);
CREATE INDEX comments_task_idx ON comments (task_id, id);
CREATE INDEX comments_author_idx ON comments (author_id);

-- +goose Down
DROP TABLE comments;
ALTER TABLE tasks DROP COLUMN version;
