package tenantstest

import (
	"os"
	"path/filepath"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
)

// openSQLite creates the master and the engine in a folder of the test.
func (e *Env) openSQLite(t testing.TB, o Options) *tenants.Master {
	t.Helper()
	e.Dir = tempDir(t)
	master, err := sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{
		Path: filepath.Join(e.Dir, "master.db"), Log: o.Log, Clock: o.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Engine = e.newSQLite(t, o)
	return master
}

func (e *Env) newSQLite(t testing.TB, o Options) tenants.Engine {
	t.Helper()
	engine, err := sqlite.New(sqlite.Config{Dir: e.Dir, Schema: o.Schema, Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// tempDir returns a folder in memory if the system has one, because syncing there costs nothing
// and tests don't need more. Benchmarks get a folder on disk.
func tempDir(t testing.TB) string {
	t.Helper()
	if _, ok := t.(*testing.B); ok {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "tenantstest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { report(t, os.RemoveAll(dir)) })
	return dir
}
