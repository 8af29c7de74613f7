package tenantstest

import (
	"os"
	"path/filepath"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
)

// openSQLite makes the master and the engine in a folder of the test's own.
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
	engine, err := sqlite.New(sqlite.Config{Dir: e.Dir, Schema: o.Schema, MaxSize: o.MaxSize, Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// tempDir is a folder in memory where the system has one: what is synced there
// costs nothing, and a test needs no more of it. A benchmark gets a disk.
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
