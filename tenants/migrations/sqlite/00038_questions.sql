-- Questions of one process to all about the databases that they have open, with the answers, and a count by which processes
-- learn of them. And the id of the installation, which tells its backups from another's.
-- +goose Up
CREATE TABLE handle_questions (
    id        text     NOT NULL PRIMARY KEY CONSTRAINT handle_questions_id_check CHECK (length(id) = 26),
    tenant_id text     NOT NULL,
    closes    numeric  NOT NULL,
    sort      text     NOT NULL,
    most      integer  NOT NULL,
    asked_at  datetime NOT NULL
);
CREATE TABLE handle_answers (
    question_id text NOT NULL CONSTRAINT handle_answers_question_id_fkey REFERENCES handle_questions (id) ON DELETE CASCADE,
    instance_id text NOT NULL,
    answer      text NOT NULL,
    PRIMARY KEY (question_id, instance_id)
);
ALTER TABLE registry_changes ADD COLUMN questions integer NOT NULL DEFAULT 0;
-- +goose StatementBegin
CREATE TRIGGER handle_questions_count AFTER INSERT ON handle_questions BEGIN UPDATE registry_changes SET questions = questions + 1; END;
-- +goose StatementEnd
CREATE TABLE installation (
    id text NOT NULL PRIMARY KEY CONSTRAINT installation_id_check CHECK (length(id) = 26)
);

-- +goose Down
DROP TABLE installation;
DROP TABLE handle_answers;
DROP TABLE handle_questions;
ALTER TABLE registry_changes DROP COLUMN questions;
