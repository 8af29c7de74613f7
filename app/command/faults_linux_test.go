package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"tenantry/tenants"
)

// TestDiskFull fills the disk at points of operations.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if !inNamespace(t, mounter) {
		return
	}
	s, fill, free := small(t)
	s = s.with("TENANTRY_INSTANCE_TTL=2s")
	s.create(t, "globex")
	s.must(t, "tenant", "create", "acme")
	full := fault{begin: fill, end: free, statuses: []int{http.StatusInsufficientStorage, http.StatusServiceUnavailable}}
	for _, c := range []faultCase{
		in(creation("hooli"), "create/database/before", "", tenants.StateActive),
		in(creation("initech"), "create/database/done", "", tenants.StateActive),
		in(asked{http.MethodPost, "/acme/suspend", ""}, "suspend/drain/before", tenants.StateSuspended),
		in(asked{http.MethodDelete, "/acme", ""}, "archive/drain/done", tenants.StateArchived),
		in(asked{http.MethodDelete, "/acme?purge=true", ""}, "purge/trash/done", tenants.StatePurged),
		in(asked{http.MethodPost, "/acme/restore", ""}, "restore/untrash/done", tenants.StateActive),
	} {
		t.Run(c.point, func(t *testing.T) { full.at(t, s, c) })
	}
	t.Run("people", func(t *testing.T) {
		srv := s.serve(t)
		header := srv.bearer(t, "globex")
		fill()
		for i := range 3 {
			r := srv.as(t, header, "POST", "globex", "/api/projects", fmt.Sprintf(`{"name":"Project %d"}`, i))
			if r.status != http.StatusInsufficientStorage {
				t.Errorf("%d %s", r.status, r.body)
			}
		}
		free()
		if r := srv.as(t, header, "POST", "globex", "/api/projects", `{"name":"Project 1"}`); r.status != http.StatusCreated {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

// TestPermissionDenied takes the rights to folders away at points of operations.
func TestPermissionDenied(t *testing.T) {
	t.Parallel()
	if !inNamespace(t, ordinary) {
		return
	}
	s := newSQLite(t).with("TENANTRY_INSTANCE_TTL=2s")
	s.create(t, "globex")
	s.must(t, "tenant", "create", "acme")
	s.must(t, "tenant", "archive", "acme", "--yes")
	for _, c := range []struct {
		folder string
		faultCase
	}{
		{"tenants", in(creation("hooli"), "create/database/before", "")},
		{"trash", in(asked{http.MethodDelete, "/acme?purge=true", ""}, "purge/trash/before", tenants.StatePurged)},
		{"trash", in(asked{http.MethodPost, "/acme/restore", ""}, "restore/untrash/before", tenants.StateActive)},
	} {
		folder := filepath.Join(s.dir, c.folder)
		mode := func(mode os.FileMode) func() {
			return func() {
				if err := os.Chmod(folder, mode); err != nil {
					t.Error(err)
				}
			}
		}
		denied := fault{begin: mode(0o500), end: mode(0o700), statuses: []int{http.StatusServiceUnavailable}}
		t.Run(c.point, func(t *testing.T) { denied.at(t, s, c.faultCase) })
	}
}
