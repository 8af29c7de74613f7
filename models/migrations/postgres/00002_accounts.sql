-- +goose Up
ALTER TABLE users ADD COLUMN password_hash text;

CREATE TABLE credentials (
    id           bigserial PRIMARY KEY,
    user_id      bigint NOT NULL,
    kind         text NOT NULL,
    digest       bytea NOT NULL,
    name         text NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL,
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT credentials_kind_check CHECK (kind IN ('session', 'token', 'invitation')),
    CONSTRAINT credentials_digest_check CHECK (length(digest) = 32),
    CONSTRAINT credentials_name_check CHECK (length(name) <= 200)
);
CREATE UNIQUE INDEX credentials_digest_key ON credentials (digest);
CREATE INDEX credentials_user_idx ON credentials (user_id);
CREATE INDEX credentials_expires_idx ON credentials (expires_at);

CREATE TABLE sign_in_attempts (
    key   bytea NOT NULL,
    count bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (key),
    CONSTRAINT sign_in_attempts_key_check CHECK (length(key) = 32)
);
CREATE INDEX sign_in_attempts_since_idx ON sign_in_attempts (since);

-- +goose Down
DROP TABLE sign_in_attempts;
DROP TABLE credentials;
ALTER TABLE users DROP COLUMN password_hash;
