package models_test

import (
	"strings"
	"testing"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// TestQueriesAreServedByIndexes asks SQLite how it would run what is run
// often: it may neither read a whole table nor sort.
func TestQueriesAreServedByIndexes(t *testing.T) {
	t.Parallel()
	db := tenantstest.Migrated(t, tenantstest.SQLite, models.Workspace())
	for _, query := range []string{
		"SELECT * FROM users WHERE lower(email) = lower('x')",
		"SELECT * FROM users WHERE id > 1 ORDER BY id LIMIT 50",
		"SELECT * FROM projects WHERE name > 'x' ORDER BY name LIMIT 50",
		"SELECT * FROM tasks WHERE project_id = 1 AND (position, id) > (1, 1) ORDER BY position, id LIMIT 50",
		"SELECT * FROM tasks WHERE project_id = 1 AND status = 'todo' AND (position, id) > (1, 1) ORDER BY position, id LIMIT 50",
		"SELECT * FROM tasks WHERE assignee_id = 1 ORDER BY id",
		"SELECT * FROM comments WHERE task_id = 1 AND id > 1 ORDER BY id LIMIT 50",
		"SELECT * FROM activity WHERE id < 9 ORDER BY id DESC LIMIT 50",
		"SELECT * FROM activity WHERE actor_id = 1 ORDER BY id DESC LIMIT 50",
	} {
		var steps []struct{ Detail string }
		if err := db.Raw("EXPLAIN QUERY PLAN " + query).Scan(&steps).Error; err != nil || len(steps) == 0 {
			t.Errorf("%s: %d steps, %v", query, len(steps), err)
		}
		for _, step := range steps {
			if !strings.HasPrefix(step.Detail, "SEARCH ") {
				t.Errorf("%s: %s", query, step.Detail)
			}
		}
	}
}

// TestForeignKeysAreIndexed: deleting a row looks for those that refer to it.
func TestForeignKeysAreIndexed(t *testing.T) {
	t.Parallel()
	db := tenantstest.Migrated(t, tenantstest.SQLite, models.Workspace())
	var keys []struct {
		Key     string
		Indexed bool
	}
	err := db.Raw(`
		SELECT concat(child.name, '.', key."from") AS key, EXISTS (
			SELECT * FROM pragma_index_list(child.name) AS list, pragma_index_xinfo(list.name) AS part
			WHERE part.seqno = 0 AND part.name = key."from" AND NOT list.partial)
			OR EXISTS (SELECT * FROM pragma_table_info(child.name) WHERE name = key."from" AND pk = 1) AS indexed
		FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS key`).Scan(&keys).Error
	if err != nil || len(keys) == 0 {
		t.Errorf("%d foreign keys were found, %v", len(keys), err)
	}
	for _, key := range keys {
		if !key.Indexed {
			t.Errorf("no index begins with the foreign key %s", key.Key)
		}
	}
}
