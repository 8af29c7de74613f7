-- The rows of processes, of which there are few, are looked at every few seconds; those without are many.
-- +goose Up
CREATE INDEX due_taken_idx ON due (instance_id) WHERE instance_id <> '';

-- +goose Down
DROP INDEX due_taken_idx;
