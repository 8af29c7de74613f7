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

CREATE TABLE pictures (
    contact_id bigint NOT NULL,
    file_id    text NOT NULL,
    PRIMARY KEY (contact_id),
    CONSTRAINT pictures_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE RESTRICT,
    CONSTRAINT pictures_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX pictures_file_key ON pictures (file_id);

-- +goose Down
DROP TABLE pictures;
DROP TABLE files;
