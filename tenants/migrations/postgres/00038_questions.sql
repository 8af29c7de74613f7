-- Questions of one process to all about the databases that they have open, with the answers. Processes learn of the
-- questions. And the id of the installation, which tells its backups from another's.
-- +goose Up
CREATE TABLE handle_questions (
    id        text COLLATE "C" NOT NULL PRIMARY KEY CONSTRAINT handle_questions_id_check CHECK (length(id) = 26),
    tenant_id text COLLATE "C" NOT NULL,
    closes    boolean          NOT NULL,
    sort      text COLLATE "C" NOT NULL,
    most      bigint           NOT NULL,
    asked_at  timestamptz      NOT NULL
);
CREATE TABLE handle_answers (
    question_id text COLLATE "C" NOT NULL CONSTRAINT handle_answers_question_id_fkey REFERENCES handle_questions (id) ON DELETE CASCADE,
    instance_id text COLLATE "C" NOT NULL,
    answer      text COLLATE "C" NOT NULL,
    PRIMARY KEY (question_id, instance_id)
);
-- +goose StatementBegin
CREATE FUNCTION handle_questions_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('tenantry_tenants', 'question');
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER handle_questions_notify AFTER INSERT ON handle_questions
    FOR EACH ROW EXECUTE FUNCTION handle_questions_notify();
CREATE TABLE installation (
    id text COLLATE "C" NOT NULL PRIMARY KEY CONSTRAINT installation_id_check CHECK (length(id) = 26)
);

-- +goose Down
DROP TABLE installation;
DROP TABLE handle_answers;
DROP TABLE handle_questions;
DROP FUNCTION handle_questions_notify();
