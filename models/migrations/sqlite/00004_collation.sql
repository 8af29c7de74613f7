-- SQLite compares text by its bytes.
-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;
