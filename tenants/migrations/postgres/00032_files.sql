-- What the files of a tenant may take together, in bytes.
-- +goose Up
ALTER TABLE tenants ADD COLUMN limit_files bigint NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_files_check CHECK (limit_files >= -1);

-- +goose Down
ALTER TABLE tenants DROP COLUMN limit_files;
