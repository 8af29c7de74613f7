package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// TestMasterThatCantBeWritten names the file that keeps this program from it. A
// -shm file outlives the time in which the master was read-only.
func TestMasterThatCantBeWritten(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere")
	}
	for _, ending := range []string{"", "-wal", "-shm"} {
		path := filepath.Join(t.TempDir(), "master.db")
		master, err := sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: path})
		must(t, err)
		must(t, master.Close())
		f, err := os.OpenFile(path+ending, os.O_RDWR|os.O_CREATE, 0o600)
		must(t, errors.Join(err, f.Close(), os.Chmod(path+ending, 0o400)))
		_, err = sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: path, Existing: true})
		if !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(err.Error(), path+ending+": permission denied") {
			t.Errorf("master.db%s: %v", ending, err)
		}
		must(t, os.Chmod(path+ending, 0o600))
		master, err = sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: path, Existing: true})
		must(t, err) // nothing read-only was left beside it
		must(t, master.Close())
	}
}

// TestFileThatCantBeRead is a fault of its tenant, not of the server: other
// tenants are looked at all the same.
func TestFileThatCantBeRead(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	tenant.SchemaVersion = engine.SchemaVersion()
	must(t, os.Chmod(path(dir, tenant), 0))
	faults, err := engine.Examine(t.Context(), tenant)
	if err != nil || len(faults) != 1 || faults[0].Kind != tenants.FaultPermissions || !faults[0].Mendable {
		t.Errorf("found %v, %v", faults, err)
	}
	must(t, engine.Mend(t.Context(), tenant))
	if faults, err := engine.Examine(t.Context(), tenant); err != nil || len(faults) != 0 {
		t.Errorf("mended, found %v, %v", faults, err)
	}
}
