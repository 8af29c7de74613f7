package postgres

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// TestOneInstallationPerDatabase has installations, each with keys of its own, that name the same database for their tenants'
// schemas. All but the first are refused before they change anything.
func TestOneInstallationPerDatabase(t *testing.T) {
	t.Parallel()
	c := inSchemas(t, pgcluster.Database(t))
	c.Installation = "first"
	e := newEngine(t, c)
	tenant := made(t, e)
	logins := func() string {
		return ask(t, e, "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE starts_with(rolname, $1)", e.layout.(*schemas).loginPrefix())
	}
	before := logins()
	ring, err := seal.ParseKeys(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	other := c
	other.Installation, other.Keys = "second", ring
	refused, err := New(t.Context(), other)
	if err == nil {
		_ = refused.Close()
	}
	if !errors.Is(err, ErrOtherInstallation) || !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(err.Error(), "first") {
		t.Errorf("another installation: %v", err)
	}
	if after := logins(); after != before {
		t.Errorf("the login roles are %s, and were %s", after, before)
	}
	for name, e := range map[string]*Engine{"before": e, "later": newEngine(t, c)} {
		err := handle(t, e, tenant).Transaction(func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: name}).Error })
		if err != nil {
			t.Error(err)
		}
	}
	_, remedy, _ := strings.Cut(err.Error(), "run in database "+e.server.Database+": ")
	if err := run(t.Context(), e.admin, remedy); err != nil || remedy == "" {
		t.Fatalf("remedy %q: %v", remedy, err)
	}
	newEngine(t, other)
}
