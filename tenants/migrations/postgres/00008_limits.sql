-- A tenant's own limits: 0 is the default, -1 is none. The time is in nanoseconds.
-- +goose Up
ALTER TABLE tenants
    ADD COLUMN limit_requests       bigint NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_requests_check CHECK (limit_requests >= -1),
    ADD COLUMN limit_concurrency    bigint NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_concurrency_check CHECK (limit_concurrency >= -1),
    ADD COLUMN limit_size           bigint NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_size_check CHECK (limit_size >= -1),
    ADD COLUMN limit_statement_time bigint NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_statement_time_check CHECK (limit_statement_time >= -1),
    ADD COLUMN limit_body           bigint NOT NULL DEFAULT 0 CONSTRAINT tenants_limit_body_check CHECK (limit_body >= -1);

-- +goose Down
ALTER TABLE tenants
    DROP COLUMN limit_requests,
    DROP COLUMN limit_concurrency,
    DROP COLUMN limit_size,
    DROP COLUMN limit_statement_time,
    DROP COLUMN limit_body;
