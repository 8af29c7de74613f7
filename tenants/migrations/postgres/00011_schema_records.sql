-- What builds declare about schema versions, for older builds, and the build of each process.
-- +goose Up
CREATE TABLE schema_records (
    version    bigint NOT NULL PRIMARY KEY,
    older_code bigint NOT NULL,
    CONSTRAINT schema_records_older_code_check CHECK (older_code BETWEEN 1 AND version)
);
ALTER TABLE instances ADD COLUMN schema_version bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE instances DROP COLUMN schema_version;
DROP TABLE schema_records;
