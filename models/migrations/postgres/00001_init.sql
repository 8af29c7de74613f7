-- +goose Up
CREATE TABLE users (
    id         bigserial   PRIMARY KEY,
    email      text        NOT NULL,
    name       text        NOT NULL,
    role       text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT users_email_check CHECK (length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT users_role_check CHECK (role IN ('admin', 'member'))
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE projects (
    id          bigserial   PRIMARY KEY,
    name        text        NOT NULL,
    description text        NOT NULL,
    archived    boolean     NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT projects_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT projects_description_check CHECK (length(description) <= 10000)
);
CREATE UNIQUE INDEX projects_name_key ON projects (name);

CREATE TABLE tasks (
    id          bigserial   PRIMARY KEY,
    project_id  bigint      NOT NULL,
    title       text        NOT NULL,
    status      text        NOT NULL,
    assignee_id bigint,
    due_on      date,
    position    bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT tasks_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT tasks_title_check CHECK (length(title) BETWEEN 1 AND 200),
    CONSTRAINT tasks_status_check CHECK (status IN ('todo', 'doing', 'done'))
);
CREATE INDEX tasks_project_position_idx ON tasks (project_id, position, id);
CREATE INDEX tasks_project_status_position_idx ON tasks (project_id, status, position, id);
CREATE INDEX tasks_assignee_idx ON tasks (assignee_id);

CREATE TABLE activity (
    id         bigserial   PRIMARY KEY,
    actor_id   bigint,
    action     text        NOT NULL,
    subject_id bigint      NOT NULL,
    summary    text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT activity_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT activity_action_check CHECK (length(action) BETWEEN 1 AND 63),
    CONSTRAINT activity_summary_check CHECK (length(summary) BETWEEN 1 AND 500)
);
CREATE INDEX activity_actor_idx ON activity (actor_id);

-- +goose Down
DROP TABLE activity;
DROP TABLE tasks;
DROP TABLE projects;
DROP TABLE users;
