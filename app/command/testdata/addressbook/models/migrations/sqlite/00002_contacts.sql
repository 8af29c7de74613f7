-- +goose Up
CREATE TABLE contacts (
    id         integer PRIMARY KEY AUTOINCREMENT,
    name       text NOT NULL,
    phone      text NOT NULL,
    author_id  integer,
    created_at datetime NOT NULL,
    CONSTRAINT contacts_author_id_fkey FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT contacts_name_check CHECK (length(name) BETWEEN 1 AND 200)
);
CREATE INDEX contacts_author_idx ON contacts (author_id);

-- +goose Down
DROP TABLE contacts;
