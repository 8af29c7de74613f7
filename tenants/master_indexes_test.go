package tenants_test

import (
	"regexp"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestMasterQueriesAreServedByIndexes asks SQLite how it would run what is run
// often: it may neither read a whole table nor sort. The unfinished operations and
// creations and the tenants of which processes take care, which are few, have an index of their own. Of the tenants that are due, the
// first are read.
func TestMasterQueriesAreServedByIndexes(t *testing.T) {
	t.Parallel()
	served := regexp.MustCompile(`^(SEARCH .+|SCAN \w+ USING (COVERING )?INDEX (operations_unfinished_key|tenants_provisioning_idx|due_taken_idx)|SCAN d USING INDEX due_at_idx|MULTI-INDEX OR|INDEX \d+|` +
		`((CORRELATED )?SCALAR|LIST) SUBQUERY \d+|CREATE BLOOM FILTER)$`)
	db := tenantstest.Migrated(t, tenantstest.SQLite, tenants.MasterSchema())
	for _, query := range []string{
		"SELECT * FROM tenants WHERE id = 'x'",
		"SELECT * FROM tenants WHERE subdomain IN ('x', 'y')",
		"SELECT * FROM tenants WHERE subdomain > 'x' ORDER BY subdomain LIMIT 50",
		"SELECT * FROM tenants WHERE id > 'x' ORDER BY id LIMIT 50",
		"SELECT * FROM tenants WHERE server = 'x' AND database = 'x'",
		"SELECT * FROM tenants WHERE state = 'purged' AND remove_after <= 1",
		"SELECT id FROM tenants WHERE left_until <= 1",
		"SELECT id FROM tenants WHERE state = 'provisioning' AND id NOT IN (SELECT tenant_id FROM operations WHERE finished_at IS NULL) ORDER BY id",
		"SELECT * FROM domains WHERE host IN ('x', 'y') AND verified_at IS NOT NULL",
		"SELECT * FROM tenants WHERE subdomain = 'x' OR id = 'x' OR state = 'purged' AND id IN (SELECT tenant_id FROM retired_subdomains WHERE subdomain = 'x')",
		"SELECT * FROM retired_subdomains r JOIN tenants t ON t.id = r.tenant_id WHERE r.subdomain IN ('x', 'y')",
		"SELECT * FROM domains WHERE tenant_id IN ('x', 'y') ORDER BY tenant_id, host",
		"SELECT * FROM operations WHERE tenant_id = 'x' AND id < 'x' ORDER BY id DESC LIMIT 50",
		"SELECT * FROM operations WHERE id < 'x' ORDER BY id DESC LIMIT 50",
		"SELECT * FROM operations WHERE tenant_id = 'x' AND finished_at IS NULL",
		"SELECT * FROM operations o WHERE finished_at IS NULL AND step = 'drain' AND NOT EXISTS (SELECT 1 FROM acknowledgements a WHERE a.operation_id = o.id AND a.instance_id = 'x')",
		"SELECT * FROM operations WHERE finished_at IS NULL AND (instance_id IS NULL OR instance_id NOT IN (SELECT id FROM instances WHERE id > ''))",
		"SELECT d.tenant_id, d.at FROM due d JOIN tenants t ON t.id = d.tenant_id WHERE d.instance_id = '' AND t.state = 'active' ORDER BY d.at LIMIT 5",
		"SELECT DISTINCT instance_id FROM due WHERE instance_id <> '' AND (instance_id <> 'again' OR at <= 1)",
		"SELECT tenant_id FROM due WHERE instance_id = '' AND tenant_id IN ('x', 'y')",
		"DELETE FROM due WHERE instance_id = 'x' AND tenant_id IN ('x', 'y')",
	} {
		var steps []struct{ Detail string }
		if err := db.Raw("EXPLAIN QUERY PLAN " + query).Scan(&steps).Error; err != nil || len(steps) == 0 {
			t.Errorf("%s: %d steps, %v", query, len(steps), err)
		}
		for _, step := range steps {
			if !served.MatchString(step.Detail) {
				t.Errorf("%s: %s", query, step.Detail)
			}
		}
	}
}
