package models_test

import (
	"regexp"
	"testing"

	"tenantry/models"
)

// served are the steps of a query that indexes serve, and those that only hold
// others together.
var served = regexp.MustCompile(`^(SEARCH .+|SCAN \w+ USING INDEX operations_unfinished_key|MULTI-INDEX OR|INDEX \d+|` +
	`((CORRELATED )?SCALAR|LIST) SUBQUERY \d+|CREATE BLOOM FILTER)$`)

// TestQueriesAreServedByIndexes asks SQLite how it would run what is run
// often: it may neither read a whole table nor sort. The unfinished operations,
// which are few, have an index of their own.
func TestQueriesAreServedByIndexes(t *testing.T) {
	t.Parallel()
	queries := map[string][]string{
		"master": {
			"SELECT * FROM tenants WHERE id = 'x'",
			"SELECT * FROM tenants WHERE subdomain = 'x'",
			"SELECT * FROM tenants WHERE subdomain > 'x' ORDER BY subdomain LIMIT 50",
			"SELECT * FROM tenants WHERE id > 'x' ORDER BY id LIMIT 50",
			"SELECT * FROM tenants WHERE server = 'x' AND database = 'x'",
			"SELECT * FROM tenants WHERE id = (SELECT tenant_id FROM domains WHERE host = 'x' AND verified_at IS NOT NULL)",
			"SELECT * FROM tenants WHERE subdomain = 'x' OR id = 'x' OR state = 'purged' AND id IN (SELECT tenant_id FROM retired_subdomains WHERE subdomain = 'x')",
			"SELECT * FROM retired_subdomains r JOIN tenants t ON t.id = r.tenant_id WHERE r.subdomain = 'x'",
			"SELECT * FROM domains WHERE tenant_id IN ('x', 'y') ORDER BY tenant_id, host",
			"SELECT * FROM operations WHERE tenant_id = 'x' AND id < 'x' ORDER BY id DESC LIMIT 50",
			"SELECT * FROM operations WHERE id < 'x' ORDER BY id DESC LIMIT 50",
			"SELECT * FROM operations WHERE tenant_id = 'x' AND finished_at IS NULL",
			"SELECT * FROM operations o WHERE finished_at IS NULL AND step = 'drain' AND NOT EXISTS (SELECT 1 FROM acknowledgements a WHERE a.operation_id = o.id AND a.instance_id = 'x')",
			"SELECT * FROM operations WHERE finished_at IS NULL AND (instance_id IS NULL OR instance_id NOT IN (SELECT id FROM instances WHERE id > ''))",
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
				if detail := step[3]; !served.MatchString(detail) {
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
