-- Operators' visits to tenants as one of their people, until their ends are told.
-- +goose Up
CREATE TABLE visits (
    id              text COLLATE "C" NOT NULL PRIMARY KEY CONSTRAINT visits_id_check CHECK (length(id) = 26),
    tenant_id       text COLLATE "C" NOT NULL,
    operator        text COLLATE "C" NOT NULL CONSTRAINT visits_operator_check CHECK (length(operator) BETWEEN 1 AND 200),
    token_id        text COLLATE "C",
    user_id         bigint NOT NULL,
    email           text COLLATE "C" NOT NULL CONSTRAINT visits_email_check CHECK (length(email) BETWEEN 1 AND 320),
    reason          text COLLATE "C" NOT NULL CONSTRAINT visits_reason_check CHECK (length(reason) BETWEEN 1 AND 200),
    writes          boolean NOT NULL,
    link_digest     bytea CONSTRAINT visits_link_check CHECK (length(link_digest) = 32),
    link_expires_at timestamptz NOT NULL,
    session_digest  bytea CONSTRAINT visits_session_check CHECK (length(session_digest) = 32),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    ended_by        text COLLATE "C" NOT NULL CONSTRAINT visits_ended_by_check CHECK (length(ended_by) <= 63)
);
CREATE UNIQUE INDEX visits_link_key ON visits (link_digest);
CREATE UNIQUE INDEX visits_session_key ON visits (session_digest);
CREATE INDEX visits_tenant_idx ON visits (tenant_id);
CREATE INDEX visits_operator_idx ON visits (operator);
CREATE INDEX visits_token_idx ON visits (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX visits_expires_idx ON visits (expires_at);

-- +goose Down
DROP TABLE visits;
