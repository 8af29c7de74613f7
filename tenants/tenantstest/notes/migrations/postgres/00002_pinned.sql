-- +goose Up
ALTER TABLE notes ADD COLUMN pinned boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE notes DROP COLUMN pinned;
