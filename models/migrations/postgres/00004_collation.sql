-- The case of an address' letters is that of ASCII, whatever the database's
-- locale: in Turkish, lower('INFO') isn't 'info'.
-- +goose Up
ALTER TABLE users ALTER COLUMN email TYPE text COLLATE "C";

-- +goose Down
ALTER TABLE users ALTER COLUMN email TYPE text;
