package tenants_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

func TestBadTenantsAreRefused(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, tenants.MasterSchema())
		n := 0
		with := func(change func(*tenants.Tenant)) *tenants.Tenant {
			n++
			name := fmt.Sprintf("t%d", n)
			tenant := &tenants.Tenant{ID: name, Subdomain: name, State: tenants.StateActive, Server: "local", Database: name}
			change(tenant)
			return tenant
		}
		for _, state := range []tenants.State{
			tenants.StateProvisioning, tenants.StateActive, tenants.StateSuspended,
			tenants.StateArchived, tenants.StatePurged, tenants.StateMaintenance,
		} {
			createRow(t, db, with(func(t *tenants.Tenant) { t.State = state }))
		}
		for constraint, changes := range map[string][]func(*tenants.Tenant){
			"tenants_id_check":         {func(t *tenants.Tenant) { t.ID = "" }, func(t *tenants.Tenant) { t.ID = long(27) }},
			"tenants_subdomain_check":  {func(t *tenants.Tenant) { t.Subdomain = "" }, func(t *tenants.Tenant) { t.Subdomain = "Acme" }, func(t *tenants.Tenant) { t.Subdomain = strings.Repeat("x", 41) }},
			"tenants_name_check":       {func(t *tenants.Tenant) { t.Name = long(201) }},
			"tenants_state_check":      {func(t *tenants.Tenant) { t.State = "" }, func(t *tenants.Tenant) { t.State = "deleted" }},
			"tenants_server_check":     {func(t *tenants.Tenant) { t.Server = "" }, func(t *tenants.Tenant) { t.Server = long(64) }},
			"tenants_database_check":   {func(t *tenants.Tenant) { t.Database = "" }, func(t *tenants.Tenant) { t.Database = long(64) }},
			"tenants_created_by_check": {func(t *tenants.Tenant) { t.CreatedBy = long(64) }},
		} {
			for _, change := range changes {
				refused(t, db, with(change), constraint)
			}
		}
	})
}

func TestTenantsShareNeitherSubdomainNorDatabase(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, tenants.MasterSchema())
		tenant := func(id, subdomain, server, database string) *tenants.Tenant {
			return &tenants.Tenant{ID: id, Subdomain: subdomain, State: tenants.StateActive, Server: server, Database: database}
		}
		subdomainKey, databaseKey := "tenants_subdomain_key", "tenants_server_database_key"
		if e == tenantstest.SQLite {
			subdomainKey, databaseKey = "tenants.subdomain", "tenants.server, tenants.database"
		}
		createRow(t, db, tenant("1", "acme", "local", "one"))
		refused(t, db, tenant("2", "acme", "local", "two"), subdomainKey)
		refused(t, db, tenant("2", "globex", "local", "one"), databaseKey)
		createRow(t, db, tenant("2", "globex", "other", "one"))
		createRow(t, db, tenant("3", "initech", "local", "three"))
	})
}

func TestTenantComesBackAsItWas(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, tenants.MasterSchema())
		tenant := tenants.Tenant{
			ID: "01jd0000000000000000000000", Subdomain: "acme", Name: "Acme", State: tenants.StateActive,
			Server: "local", Database: "t_01jd", SchemaVersion: 1, Epoch: 7, CreatedBy: "operator",
		}
		createRow(t, db, &tenant)
		var got tenants.Tenant
		if err := db.Take(&got).Error; err != nil || !reflect.DeepEqual(got, tenant) || got.CreatedAt.Location() != time.UTC {
			t.Errorf("%+v came back as %+v, %v", tenant, got, err)
		}
	})
}

// refused checks that the constraint of that name, and nothing else, keeps the
// row out.
func refused(t testing.TB, db *gorm.DB, row any, constraint string) {
	t.Helper()
	err := db.Create(row).Error
	if err == nil {
		t.Errorf("%T was stored against %s", row, constraint)
	} else if !strings.Contains(err.Error(), constraint) {
		t.Errorf("%T was refused by %q, want %s", row, err, constraint)
	}
}

func createRow(t testing.TB, db *gorm.DB, row any) {
	t.Helper()
	if err := db.Create(row).Error; err != nil {
		t.Fatalf("create %T: %v", row, err)
	}
}

// long is a text of n letters that are more than one byte each.
func long(n int) string { return strings.Repeat("ü", n) }
