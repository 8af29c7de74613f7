-- +goose Up
CREATE TABLE users (
    id            bigserial PRIMARY KEY,
    email         text COLLATE "C" NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL,
    password_hash text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT users_email_check CHECK (length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT users_role_check CHECK (role IN ('admin', 'member'))
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

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

CREATE TABLE activity (
    id         bigserial PRIMARY KEY,
    actor_id   bigint,
    action     text NOT NULL,
    subject_id bigint NOT NULL,
    summary    text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT activity_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT activity_action_check CHECK (length(action) BETWEEN 1 AND 63),
    CONSTRAINT activity_summary_check CHECK (length(summary) BETWEEN 1 AND 500)
);
CREATE INDEX activity_actor_idx ON activity (actor_id);

-- +goose Down
DROP TABLE activity;
DROP TABLE sign_in_attempts;
DROP TABLE credentials;
DROP TABLE users;
