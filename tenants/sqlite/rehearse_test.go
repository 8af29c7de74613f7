package sqlite_test

import (
	"errors"
	"os"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
)

// TestRehearsalNeedsRoom has a tenant whose file seems to be larger than the disk.
func TestRehearsalNeedsRoom(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	file := path(dir, tenant)
	info, err := os.Stat(file)
	must(t, err)
	if err := os.Truncate(file, 1<<42); err != nil {
		t.Skipf("the file system has no sparse files: %v", err)
	}
	if _, err := engine.RehearseData(t.Context(), tenant); !errors.Is(err, tenants.ErrFull) {
		t.Errorf("got %v", err)
	}
	must(t, os.Truncate(file, info.Size()))
	report, err := engine.RehearseData(t.Context(), tenant)
	if err != nil || report.Error != "" || report.From != engine.SchemaVersion() {
		t.Errorf("with room: %+v, %v", report, err)
	}
	wantSurvey(t, engine, "database tenants/"+tenant.Database+" "+tenant.ID)
}
