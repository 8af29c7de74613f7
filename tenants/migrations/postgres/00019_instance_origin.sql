-- On which machine the instance's process runs, and which one it is; empty if that isn't known.
-- +goose Up
ALTER TABLE instances ADD COLUMN origin text COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE instances DROP COLUMN origin;
