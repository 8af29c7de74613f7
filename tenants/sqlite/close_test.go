package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// sidecars are the -wal and -shm files below dir.
func sidecars(t *testing.T, dir string) (names []string) {
	t.Helper()
	for name := range files(t, dir) {
		if strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") {
			names = append(names, name)
		}
	}
	return names
}

// TestClosedFilesAreComplete closes handles after every kind of use: nothing
// is left beside the file, and a copy of that file alone has all rows.
func TestClosedFilesAreComplete(t *testing.T) {
	t.Parallel()
	read := func(conns *tenants.Conns) error {
		var n int
		return conns.Read.QueryRow("SELECT count(*) FROM folders").Scan(&n)
	}
	write := func(conns *tenants.Conns) error {
		_, err := conns.Write.Exec(insertFolder)
		return err
	}
	uses := map[string][]func(*tenants.Conns) error{
		"unused":          nil,
		"read":            {read},
		"written":         {write},
		"written, read":   {write, read},
		"read, written":   {read, write},
		"read and reread": {read, write, read, read},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine, dir := newEngine(t, notes.Schema())
			tenant := create(t, engine)
			conns, err := engine.Open(t.Context(), tenant)
			must(t, err)
			for _, f := range use {
				must(t, f(conns))
			}
			must(t, conns.Close())
			if left := sidecars(t, dir); len(left) != 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// TestReadersTidyUpAfterACrash: of a tenant that is only read after a process
// died, nothing lies in -wal either once its handle is closed.
func TestReadersTidyUpAfterACrash(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	_, err = conns.Write.Exec(insertFolder)
	must(t, err)
	crashed := copyOf(t, dir)
	must(t, conns.Close())
	again := openEngine(t, crashed, notes.Schema())
	conns, err = again.Open(t.Context(), tenant)
	must(t, err)
	must(t, conns.Close())
	if left := sidecars(t, crashed); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	wantFolder(t, again, tenant)
}

// TestClosedMasterIsComplete closes it with its watcher running until then.
func TestClosedMasterIsComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	master, err := sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: filepath.Join(dir, "master.db")})
	must(t, err)
	must(t, master.View(t.Context(), func(tx *gorm.DB) error { return tx.Exec("SELECT count(*) FROM tenants").Error }))
	must(t, master.Close())
	if left := sidecars(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// copyOf is a folder with copies of all files below dir but -shm, which a
// crash of the machine doesn't leave.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for name, content := range files(t, dir) {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		rel, err := filepath.Rel(dir, name)
		must(t, err)
		must(t, os.MkdirAll(filepath.Join(to, filepath.Dir(rel)), 0o700))
		must(t, os.WriteFile(filepath.Join(to, rel), []byte(content), 0o600))
	}
	return to
}
