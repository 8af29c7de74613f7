package lifecycle_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestDoctorFindsAReplacedFile behind the process that has it open.
func TestDoctorFindsAReplacedFile(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	tenant := env.Tenant(t, "acme")
	file := filepath.Join(env.Dir, "tenants", tenant.Database)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	look := func() error { return env.Store.View(t.Context(), tenant, func(*gorm.DB) error { return nil }) }
	if err := errors.Join(look(), os.WriteFile(file+".x", content, 0o600), os.Rename(file+".x", file)); err != nil {
		t.Fatal(err)
	}
	find := func() []lifecycle.Finding {
		found, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := find()
	if len(found) != 1 || found[0].Kind != lifecycle.DatabaseReplaced || !strings.Contains(found[0].Remedy, "tenantry tenant suspend acme") {
		t.Errorf("found %+v", found)
	}
	if err := look(); err != nil {
		t.Error(err)
	}
	if found := find(); len(found) != 0 {
		t.Errorf("found again: %+v", found)
	}
}
