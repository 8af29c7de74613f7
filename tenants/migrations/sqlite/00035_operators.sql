-- Operators' accounts, and the digests of their tokens.
-- +goose Up
CREATE TABLE operator_accounts (
    name       text NOT NULL PRIMARY KEY CONSTRAINT operator_accounts_name_check CHECK (length(name) BETWEEN 1 AND 63),
    role       text NOT NULL CONSTRAINT operator_accounts_role_check CHECK (role IN ('viewer', 'operator', 'owner')),
    created_by text NOT NULL CONSTRAINT operator_accounts_created_by_check CHECK (length(created_by) BETWEEN 1 AND 200),
    created_at datetime NOT NULL
);
CREATE TABLE operator_tokens (
    id           text NOT NULL PRIMARY KEY CONSTRAINT operator_tokens_id_check CHECK (length(id) = 26),
    operator     text NOT NULL CONSTRAINT operator_tokens_operator_fkey REFERENCES operator_accounts (name) ON DELETE CASCADE,
    digest       blob NOT NULL CONSTRAINT operator_tokens_digest_check CHECK (length(digest) = 32),
    created_at   datetime NOT NULL,
    last_used_at datetime
);
CREATE UNIQUE INDEX operator_tokens_digest_key ON operator_tokens (digest);
CREATE INDEX operator_tokens_operator_idx ON operator_tokens (operator);

-- +goose Down
DROP TABLE operator_tokens;
DROP TABLE operator_accounts;
