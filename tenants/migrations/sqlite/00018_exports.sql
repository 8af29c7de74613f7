-- The newest backup of each tenant that is backed up as a portable file.
-- +goose Up
CREATE TABLE exports (
    tenant_id  text NOT NULL PRIMARY KEY,
    bucket     text NOT NULL,
    sign       text NOT NULL,
    content    text NOT NULL,
    at         datetime NOT NULL,
    changed_at datetime
);

-- +goose Down
DROP TABLE exports;
