-- The newest backup of each tenant that is backed up as a portable file.
-- +goose Up
CREATE TABLE exports (
    tenant_id  text COLLATE "C" NOT NULL PRIMARY KEY,
    bucket     text COLLATE "C" NOT NULL,
    sign       text COLLATE "C" NOT NULL,
    content    text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    changed_at timestamptz
);

-- +goose Down
DROP TABLE exports;
