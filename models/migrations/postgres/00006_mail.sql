-- Users who want no mail about tasks.
-- +goose Up
CREATE TABLE mail_opt_outs (
    user_id    bigint   NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id),
    CONSTRAINT mail_opt_outs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE mail_opt_outs;
