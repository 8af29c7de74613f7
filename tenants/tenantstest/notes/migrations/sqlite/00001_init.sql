-- +goose Up
CREATE TABLE people (
    id    integer PRIMARY KEY AUTOINCREMENT,
    email text    NOT NULL,
    name  text    NOT NULL,
    CONSTRAINT people_email_check CHECK (length(email) BETWEEN 3 AND 254)
);
CREATE UNIQUE INDEX people_email_key ON people (lower(email));

CREATE TABLE folders (
    id         integer  PRIMARY KEY AUTOINCREMENT,
    name       text     NOT NULL,
    remark     text     NOT NULL,
    created_at datetime NOT NULL,
    updated_at datetime NOT NULL,
    CONSTRAINT folders_name_check CHECK (length(name) BETWEEN 1 AND 200)
);
CREATE UNIQUE INDEX folders_name_key ON folders (name);

CREATE TABLE notes (
    id         integer  PRIMARY KEY AUTOINCREMENT,
    folder_id  integer  NOT NULL,
    author_id  integer,
    text       text     NOT NULL,
    kind       text     NOT NULL,
    due_on     date,
    created_at datetime NOT NULL,
    CONSTRAINT notes_folder_id_fkey FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,
    CONSTRAINT notes_author_id_fkey FOREIGN KEY (author_id) REFERENCES people (id) ON DELETE SET NULL,
    CONSTRAINT notes_kind_check CHECK (kind IN ('idea', 'task'))
);
CREATE INDEX notes_folder_idx ON notes (folder_id, id);
CREATE INDEX notes_author_idx ON notes (author_id);

-- +goose Down
DROP TABLE notes;
DROP TABLE folders;
DROP TABLE people;
