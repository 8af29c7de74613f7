package command

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest/wait"
)

// TestFilesGoAlong with a tenant: a clone and a restored one have the contents of its files, also of those that were deleted since,
// a recovered installation has them from the bucket, and an erased tenant has none, nor can its backups be read.
func TestFilesGoAlong(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	srv := s.with(backUpSoon).serve(t)
	s.create(t, "acme")
	for _, step := range []struct{ path, body string }{
		{"/api/projects", `{"name":"Anvils"}`}, {"/api/projects/1/tasks", `{"title":"Order"}`}, {"/api/tasks/1/attachments?name=plan.json", `{"plan":1}`}, {"/api/tasks/1/attachments?name=old.json", `{"old":1}`},
	} {
		if r := srv.post(t, "acme", step.path, step.body); r.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", step.path, r.status, r.body)
		}
	}
	acme := s.tenant(t, "acme")
	saved := func() int {
		names, err := filepath.Glob(filepath.Join(store, "tenants", acme.ID, "files", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	wait.Until(t, "copies of both files", func() bool { return saved() == 2 })
	s.must(t, "tenant", "clone", "acme", "twin")
	s.must(t, "backup", "run")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "acme.db")
	s.must(t, "tenant", "export", "acme", file)
	bare := filepath.Join(t.TempDir(), "bare.db")
	s.must(t, "tenant", "export", "acme", bare, "--without-files")
	s.must(t, "tenant", "create", "imported", "--from", file)
	s.must(t, "tenant", "create", "bare", "--from", bare)
	must(os.RemoveAll(filepath.Join(s.dir, "files", acme.ID)))
	s.must(t, "tenant", "restore", "acme", "--as", "back")
	for subdomain, want := range map[string]string{"twin": `{"plan":1} {"old":1}`, "back": `{"plan":1} {"old":1}`, "imported": `{"plan":1} {"old":1}`, "bare": ""} {
		of := s.tenant(t, subdomain)
		names, err := filepath.Glob(filepath.Join(s.dir, "files", of.ID, "*"))
		must(err)
		var contents []string
		for _, name := range names {
			content, err := os.ReadFile(name)
			must(err)
			contents = append(contents, string(content))
		}
		if got := strings.Join(contents, " "); got != want {
			t.Errorf("%s has %q", subdomain, got)
		}
	}
	for _, subdomain := range []string{"twin", "imported"} {
		id := s.tenant(t, subdomain).ID
		wait.Until(t, "copies of the files of "+subdomain, func() bool {
			names, err := filepath.Glob(filepath.Join(store, "tenants", id, "files", "*"))
			return err == nil && len(names) == 2
		})
	}
	srv.stop(t)
	s.must(t, "backup", "run")
	must(os.RemoveAll(filepath.Join(s.dir, "files")))
	must(os.RemoveAll(filepath.Join(s.dir, "tenants")))
	must(os.RemoveAll(filepath.Join(s.dir, "master.db")))
	s.must(t, "backup", "recover")
	if names, err := filepath.Glob(filepath.Join(s.dir, "files", acme.ID, "*")); err != nil || len(names) != 2 {
		t.Errorf("recovered: %q, %v", names, err)
	}
	look := filepath.Join(s.dir, "files", "_look", acme.ID, "replaced")
	if !fileExists(look) {
		t.Error("contents that the recovered database may not name are not looked at")
	}
	s.must(t, "tenant", "erase", "acme", "--reason=x", "--yes")
	if fileExists(look) {
		t.Error("erased: it is still to be looked at")
	}
	if names, err := filepath.Glob(filepath.Join(s.dir, "files", acme.ID, "*")); err != nil || len(names) != 0 {
		t.Errorf("erased: %q, %v", names, err)
	}
	if keys, err := filepath.Glob(filepath.Join(store, "keys", acme.ID, "*")); err != nil || len(keys) != 0 || saved() != 2 {
		t.Errorf("there are keys %q for %d copies, %v", keys, saved(), err)
	}
	if got := only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--json")).Items; len(got) != 4 {
		t.Errorf("there are %+v", got)
	}
}

// TestDoctorFindsUnnamedFiles and has a job of the tenant remove them; what is young counts as being stored.
func TestDoctorFindsUnnamedFiles(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	dir := filepath.Join(s.dir, "files", s.tenant(t, "acme").ID)
	old := filepath.Join(dir, strings.Repeat("1", 26))
	for _, err := range []error{
		os.MkdirAll(dir, 0o700), os.WriteFile(old, []byte("old"), 0o600), os.WriteFile(filepath.Join(dir, strings.Repeat("2", 26)), []byte("young"), 0o600),
		os.Chtimes(old, time.Time{}, time.Now().Add(-48*time.Hour)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := s.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, app.FilesUnnamed) || !strings.Contains(r.stdout, "1, with 3 bytes") {
		t.Errorf("%+v", r)
	}
	s.must(t, "doctor", "--repair")
	s.must(t, "doctor")
	if out := s.must(t, "jobs", "list", "--tenant=acme"); !strings.Contains(out, "files.remove") {
		t.Errorf("jobs: %s", out)
	}
}
