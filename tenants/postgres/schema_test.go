package postgres

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// lookAlike makes a schema called like the role, with tables like ours in it.
const lookAlike = `CREATE SCHEMA postgres;
	CREATE TABLE postgres.tenants (LIKE public.tenants INCLUDING ALL); CREATE TABLE postgres.goose_db_version (LIKE public.goose_db_version INCLUDING ALL)`

// TestSchemaCalledLikeTheRole appears in a master in use, and hides nothing.
func TestSchemaCalledLikeTheRole(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	master := openMaster(t, cluster.URL())
	addTenant(t, master, "acme")
	root := parsed(t, cluster.URL())
	if err := attempt(t, root, root.Database, lookAlike); err != nil {
		t.Fatal(err)
	}
	addTenant(t, openMaster(t, cluster.URL()), "globex")
	wantOrder(t, master.View, "acme", "globex")

	e := newEngine(t, configAt(t, cluster.URL()))
	tenant := filled(t, e)
	harm := strings.NewReplacer("tenants", "folders", "postgres", tenant.Database).Replace(lookAlike)
	change(t, e, tenant, harm+"; GRANT USAGE ON SCHEMA "+tenant.Database+" TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA "+tenant.Database+" TO PUBLIC")
	if err := handle(t, e, tenant).Take(&notes.Folder{}, "name = 'kept'").Error; err != nil {
		t.Errorf("read beside a schema called like the tenant's role: %v", err)
	}
	if _, err := e.Migrate(t.Context(), tenant); err != nil {
		t.Error(err)
	}
}

// TestMasterInAnotherSchema is refused rather than a new one made beside it.
func TestMasterInAnotherSchema(t *testing.T) {
	t.Parallel()
	url := pgcluster.Database(t)
	master := openMaster(t, url)
	addTenant(t, master, "acme")
	root := parsed(t, url)
	if err := attempt(t, root, root.Database, "ALTER SCHEMA public RENAME TO postgres; CREATE SCHEMA public"); err != nil {
		t.Fatal(err)
	}
	_, err := OpenMaster(t.Context(), MasterConfig{URL: url})
	if !errors.Is(err, errMasterElsewhere) || !strings.Contains(err.Error(), `"postgres"`) {
		t.Errorf("got %v", err)
	}
	err = attempt(t, root, root.Database, "DROP SCHEMA public; ALTER SCHEMA postgres RENAME TO public")
	if err != nil {
		t.Fatal(err)
	}
	err = openMaster(t, url).View(t.Context(), func(tx *gorm.DB) error { return tx.Take(&tenants.Tenant{}, "subdomain = 'acme'").Error })
	if err != nil {
		t.Errorf("the master as it was: %v", err)
	}
}

// TestUnknownParameterOfTheURL is told of without its name, which may be part of
// a password.
func TestUnknownParameterOfTheURL(t *testing.T) {
	t.Parallel()
	for _, parameter := range []string{"&hunter2=x", "&statement_timeout=hunter2"} {
		_, err := OpenMaster(t.Context(), MasterConfig{URL: pgcluster.URL(t) + parameter})
		var bad *URLError
		if !errors.As(err, &bad) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", parameter, err)
		}
	}
}
