package command

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCleanStopLeavesWholeFiles: once a server or a command has ended, every
// database is one file, which can be copied as it is.
func TestCleanStopLeavesWholeFiles(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.create(t, "globex")
	s.expectNoSidecars(t)
	srv := s.spawn(t)
	if r := srv.post(t, "acme", "/api/projects", `{"name":"Chairs"}`); r.status != http.StatusCreated {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	srv.expect(t, "globex", http.StatusOK)
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d; log: %s", status, srv.log)
	}
	s.expectNoSidecars(t)
	s.must(t, "tenant", "list")
	s.must(t, "doctor")
	s.expectNoSidecars(t)
}

// expectNoSidecars finds nothing that SQLite keeps beside open databases.
func (s site) expectNoSidecars(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, "-wal") || strings.HasSuffix(path, "-shm") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
