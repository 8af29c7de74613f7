package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/models"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
)

// TestMigrateRevert goes back to the copies of a run after consent. Backups then know that the database is another one, and
// restore what was put back.
func TestMigrateRevert(t *testing.T) {
	t.Parallel()
	s, _ := withBackups(t)
	s.must(t, "tenant", "create", "acme")
	s.must(t, "tenant", "create", "globex")
	if r := s.run(t, "migrate", "revert"); r.status != exitFailed || !strings.Contains(r.stderr, "--keep-copies") {
		t.Errorf("without copies: status %d, %s", r.status, r.stderr)
	}
	for _, subdomain := range []string{"acme", "globex"} {
		s.must(t, "migrate", "down", "--tenant", subdomain, "--yes")
	}
	up := only[migrated](t, s.must(t, "migrate", "up", "--keep-copies", "--json"))
	if runs := only[document.List[fleet.Run]](t, s.must(t, "migrate", "runs", "--json")).Items; len(runs) != 1 || runs[0].Copies != 2 || !runs[0].Plan.KeepCopies {
		t.Fatalf("runs %+v", runs)
	}
	s.addProject(t, "acme", "Later")
	for _, subdomain := range []string{"acme", "globex"} {
		dir := filepath.Join(s.dir, "files", s.tenant(t, subdomain).ID)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, strings.Repeat("1", 26)), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s.must(t, "backup", "run")
	stored := func() int { return only[app.Survey](t, s.run(t, "backup", "status", "--json").stdout).Stored }
	if n := stored(); n != 2 {
		t.Fatalf("%d tenants are backed up", n)
	}

	r := s.pipe(t, "acme\n", "migrate", "revert")
	if r.status != exitUsage || !strings.Contains(r.stderr, up.Run) || !strings.Contains(r.stderr, "tenant acme was written") || strings.Contains(r.stderr, "tenant globex") {
		t.Errorf("asked: status %d, %s", r.status, r.stderr)
	}
	if got := s.must(t, "migrate", "revert", up.Run, "--tenant", "acme", "--yes"); !strings.Contains(got, "1 tenant reverted, 0 failed") {
		t.Errorf("%s", got)
	}
	if !fileExists(filepath.Join(s.dir, "files", "_look", s.tenant(t, "acme").ID)) || fileExists(filepath.Join(s.dir, "files", "_look", s.tenant(t, "globex").ID)) {
		t.Error("the files of the tenant whose database was put back, and of no other, are to be looked at")
	}
	if n := stored(); n != 1 {
		t.Errorf("%d tenants are said to be backed up, although one of two databases is another one", n)
	}
	s.must(t, "migrate", "up", "--tenant", "acme") // this build serves no older version, and doesn't back it up
	s.must(t, "backup", "run")
	s.must(t, "tenant", "restore", "acme", "--as", "again")
	for _, subdomain := range []string{"acme", "again"} {
		if names := s.projects(t, subdomain); len(names) != 0 {
			t.Errorf("%s has %q, want what it had before the run", subdomain, names)
		}
	}
	if got := only[accepted](t, s.must(t, "migrate", "accept", "--json")); got.Run != up.Run || got.Copies != 1 || got.Bytes == 0 {
		t.Errorf("accepted %+v", got)
	}
	if r := s.run(t, "migrate", "accept", up.Run); r.status != exitFailed {
		t.Errorf("accepted twice: status %d", r.status)
	}
	s.must(t, "doctor")
}

// addProject writes to a tenant's database.
func (s site) addProject(t *testing.T, subdomain, name string) {
	t.Helper()
	a := s.open(t)
	row, err := a.Store().Lookup(t.Context(), subdomain)
	if err == nil {
		err = a.Store().Update(t.Context(), row, func(tx *gorm.DB) error { return tx.Create(&models.Project{Name: name}).Error })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// projects are the names of a tenant's projects.
func (s site) projects(t *testing.T, subdomain string) (names []string) {
	t.Helper()
	a := s.open(t)
	row, err := a.Manager().Get(t.Context(), subdomain)
	if err == nil {
		err = a.Store().View(t.Context(), row, func(tx *gorm.DB) error { return tx.Model(&models.Project{}).Pluck("name", &names).Error })
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
}
