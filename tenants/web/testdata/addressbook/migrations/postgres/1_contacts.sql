-- +goose Up
CREATE TABLE contacts (
    id         BIGSERIAL PRIMARY KEY,
    name       TEXT NOT NULL CONSTRAINT contacts_name_check CHECK (length(name) BETWEEN 1 AND 100),
    phone      TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE contacts;
