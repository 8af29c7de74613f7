package models_test

import (
	"strings"
	"testing"

	"tenantry/models"
)

// TestQueriesAreServedByIndexes asks SQLite how it would run what is run
// often: it may neither read a whole table nor sort.
func TestQueriesAreServedByIndexes(t *testing.T) {
	t.Parallel()
	queries := map[string][]string{
		"master": {
			"SELECT * FROM tenants WHERE id = 'x'",
			"SELECT * FROM tenants WHERE subdomain = 'x'",
			"SELECT * FROM tenants WHERE subdomain > 'x' ORDER BY subdomain LIMIT 50",
			"SELECT * FROM tenants WHERE id > 'x' ORDER BY id LIMIT 50",
			"SELECT * FROM tenants WHERE server = 'x' AND database = 'x'",
		},
		"workspace": {
			"SELECT * FROM users WHERE lower(email) = lower('x')",
			"SELECT * FROM users WHERE id > 1 ORDER BY id LIMIT 50",
			"SELECT * FROM projects WHERE name > 'x' ORDER BY name LIMIT 50",
			"SELECT * FROM tasks WHERE project_id = 1 AND (position, id) > (1, 1) ORDER BY position, id LIMIT 50",
			"SELECT * FROM tasks WHERE project_id = 1 AND status = 'todo' AND (position, id) > (1, 1) ORDER BY position, id LIMIT 50",
			"SELECT * FROM tasks WHERE assignee_id = 1 ORDER BY id",
			"SELECT * FROM comments WHERE task_id = 1 AND id > 1 ORDER BY id LIMIT 50",
			"SELECT * FROM activity WHERE id < 9 ORDER BY id DESC LIMIT 50",
			"SELECT * FROM activity WHERE actor_id = 1 ORDER BY id DESC LIMIT 50",
		},
	}
	for name, schema := range schemas() {
		db := migrated(t, sqliteEngine(), schema)
		for _, query := range queries[name] {
			for _, step := range rows(t, db.sql, "EXPLAIN QUERY PLAN "+query) {
				if detail := step[3]; !strings.HasPrefix(detail, "SEARCH ") {
					t.Errorf("%s: %s", query, detail)
				}
			}
		}
	}
}

// TestForeignKeysAreIndexed: deleting a row looks for those that refer to it.
func TestForeignKeysAreIndexed(t *testing.T) {
	t.Parallel()
	db := migrated(t, sqliteEngine(), models.Workspace())
	keys := rows(t, db.sql, `
		SELECT concat(child.name, '.', key."from"), EXISTS (
			SELECT * FROM pragma_index_list(child.name) AS list, pragma_index_xinfo(list.name) AS part
			WHERE part.seqno = 0 AND part.name = key."from" AND NOT list.partial)
		FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS key`)
	if len(keys) == 0 {
		t.Error("no foreign keys were found")
	}
	for _, key := range keys {
		if key[1] != "1" {
			t.Errorf("no index begins with the foreign key %s", key[0])
		}
	}
}
