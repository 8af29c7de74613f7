-- Files of the tenant. Their contents are objects of a bucket.
-- +goose Up
CREATE TABLE files (
    id         text NOT NULL,
    type       text NOT NULL,
    size       integer NOT NULL,
    sha256     text NOT NULL,
    created_at datetime NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT files_id_check CHECK (length(id) = 26),
    CONSTRAINT files_type_check CHECK (length(type) BETWEEN 1 AND 255),
    CONSTRAINT files_size_check CHECK (size >= 0),
    CONSTRAINT files_sha256_check CHECK (length(sha256) = 64)
);

-- +goose Down
DROP TABLE files;
