package models_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/shape"
)

// TestNoDrift compares what the migrations make with what the models say.
func TestNoDrift(t *testing.T) {
	t.Parallel()
	eachSchema(t, func(t *testing.T, e engine, schema tenants.Schema) {
		fromMigrations := e.inspect(t, migrated(t, e, schema))
		fromModels := e.inspect(t, autoMigrated(t, e, schema))
		// Models can't say triggers, nor the table that is theirs on SQLite.
		// TestMasterTellsOfEveryChange and TestMasterCountsChanges test them.
		fromMigrations, fromModels = uncollated(fromMigrations), uncollated(fromModels)
		fromMigrations = fromMigrations.Without("trigger").Without("function").Without("table registry_changes")
		if lines := drift(fromMigrations, fromModels); lines != nil {
			t.Errorf("the %s migrations and the models differ:\n%s", e.dialect, strings.Join(lines, "\n"))
		}
	})
}

// uncollated is a schema without what models can't say of it on Postgres: that
// text is compared by its bytes, which TestTextIsComparedByItsBytes tests, and
// parentheses that Postgres removes when it changes a column's collation.
func uncollated(s shape.Shape) shape.Shape {
	plain := shape.Shape{}
	for what, how := range s {
		if strings.HasPrefix(how, "CHECK") {
			how = strings.NewReplacer("(", "", ")", "").Replace(how)
		}
		plain[what] = strings.TrimSuffix(how, `, collation "C"`)
	}
	return plain
}

// alteration is a small mistake in a migration, and what the first line of the
// drift that it makes contains.
type alteration struct {
	old, new string
	want     string
}

// added is a statement too many.
func added(statement, want string) alteration {
	const before = "CREATE INDEX activity_actor_idx"
	statement = "-- +goose StatementBegin\n" + statement + "\n-- +goose StatementEnd\n"
	return alteration{before, statement + before, want}
}

// alterations of the workspace's migrations that are possible on every engine.
func alterations() map[string]alteration {
	return map[string]alteration{
		"index dropped":          {"CREATE INDEX tasks_assignee_idx ON tasks (assignee_id);", "", "table tasks, index tasks_assignee_idx: only in the models"},
		"index of other column":  {"ON tasks (assignee_id)", "ON tasks (project_id)", "table tasks, index tasks_assignee_idx"},
		"index in other order":   {"(project_id, position, id)", "(position, project_id, id)", "table tasks, index tasks_project_position_idx"},
		"index descending":       {"ON tasks (assignee_id)", "ON tasks (assignee_id DESC)", "table tasks, index tasks_assignee_idx"},
		"index partial":          {"ON tasks (assignee_id)", "ON tasks (assignee_id) WHERE assignee_id > 1", "table tasks, index tasks_assignee_idx"},
		"index not unique":       {"UNIQUE INDEX users_email_key", "INDEX users_email_key", "table users, index users_email_key"},
		"index case-sensitive":   {"(lower(email))", "(email)", "table users, index users_email_key"},
		"index of an expression": {"(lower(email))", "(upper(email))", "table users, index users_email_key"},
		"index added":            added("CREATE INDEX extra_idx ON activity (subject_id);", "table activity, index extra_idx: only in the migrations"),
		"check dropped":          {"CONSTRAINT projects_name_check CHECK (length(name) BETWEEN 1 AND 200),", "", "projects_name_check: only in the models"},
		"check of other words":   {"'doing', 'done'", "'doing', 'DONE'", "tasks_status_check:"},
		"check renamed":          {"users_role_check", "users_roles_check", "users_role_check: only in the models"},
		"column added":           {"due_on ", "extra text, due_on ", "table tasks, column extra: only in the migrations"},
		"column dropped":         {"    due_on      date,\n", "", "table tasks, column due_on: only in the models"},
		"column renamed":         {"    subject_id", "    object_id", "table activity, column object_id: only in the migrations"},
		"column of other type":   {"due_on      date", "due_on      text", "table tasks, column due_on:"},
		"other default":          {"due_on      date", "due_on      date DEFAULT '2026-01-01'", "table tasks, column due_on:"},
		"other key":              {"ON DELETE CASCADE", "ON DELETE RESTRICT", "project_id"},
		"other key on update":    {"ON DELETE CASCADE", "ON DELETE CASCADE ON UPDATE CASCADE", "project_id"},
		"key dropped":            {"CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,", "", "project_id"},
		"key deferred":           {"ON DELETE CASCADE", "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED", "table tasks, "},
		"unique added":           {"due_on      date", "due_on      date UNIQUE", "due_on"},
		"table added":            added("CREATE TABLE extra (id integer);", "table extra"),
	}
}

// alterationsOf adds those that are written otherwise on each engine.
func alterationsOf(e engine) map[string]alteration {
	all := alterations()
	if e.dialect == "sqlite" {
		all["column nullable"] = alteration{"project_id  integer  NOT NULL", "project_id  integer", "table tasks, column project_id:"}
		all["ids used again"] = alteration{"AUTOINCREMENT,\n    project_id", ",\n    project_id", "table tasks, other words:"}
		all["other collation"] = alteration{"due_on      date", "due_on      date COLLATE NOCASE", "table tasks, other words:"}
		all["view added"] = added("CREATE VIEW extra AS SELECT 1;", "view extra: only in the migrations")
		all["trigger added"] = added("CREATE TRIGGER extra AFTER DELETE ON users BEGIN SELECT 1; END;", "trigger extra: only in the migrations")
		return all
	}
	all["column nullable"] = alteration{"project_id  bigint      NOT NULL", "project_id  bigint", "table tasks, column project_id:"}
	all["ids as identity"] = alteration{"id          bigserial   PRIMARY KEY,\n    project_id", "id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    project_id", "table tasks, column id:"}
	all["other collation"] = alteration{"summary    text ", `summary    text COLLATE "C"`, "table activity, column summary:"}
	all["table unlogged"] = alteration{"CREATE TABLE activity", "CREATE UNLOGGED TABLE activity", "table activity:"}
	all["other precision"] = alteration{"created_at timestamptz NOT NULL,\n    CONSTRAINT activity", "created_at timestamptz(3) NOT NULL,\n    CONSTRAINT activity", "table activity, column created_at:"}
	all["view added"] = added("CREATE VIEW extra AS SELECT 1 AS one;", "relation of kind v extra: only in the migrations")
	all["type added"] = added("CREATE TYPE extra AS ENUM ('a');", "type extra")
	return all
}

// TestDriftIsFound shows that TestNoDrift can fail.
func TestDriftIsFound(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		schema := models.Workspace()
		fromModels := e.inspect(t, autoMigrated(t, e, schema))
		for name, a := range alterationsOf(e) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := e.open(t)
				migrate(t, e, db, altered(t, schema.Migrations[e.dialect], a))
				found := e.inspect(t, db)
				const email = "table users, column email"
				found[email] = strings.TrimSuffix(found[email], `, collation "C"`)
				lines := drift(found, fromModels)
				if len(lines) == 0 || !strings.Contains(lines[0], a.want) {
					t.Errorf("the drift is %q, want a line with %q", lines, a.want)
				}
			})
		}
	})
}

// altered is a copy of the migrations with the mistake in the first of them.
func altered(t testing.TB, migrations fs.FS, a alteration) fs.FS {
	t.Helper()
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("list the migrations: %q, %v", names, err)
	}
	files := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	first := string(files[names[0]].Data)
	if n := strings.Count(first, a.old); n != 1 {
		t.Fatalf("%s has %q %d times", names[0], a.old, n)
	}
	files[names[0]].Data = []byte(strings.Replace(first, a.old, a.new, 1))
	return files
}
