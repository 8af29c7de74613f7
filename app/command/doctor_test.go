package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest"
)

// with returns the installation with another setting; the last value of a
// setting counts.
func (s site) with(setting string) site {
	s.environ = append(s.environ[:len(s.environ):len(s.environ)], setting)
	return s
}

func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("%q", got)
		}
		if got := s.must(t, "doctor", "--repair", "--json"); got != `{"items":[],"next":null}`+"\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestKeysAreChanged goes from one key to the next, while the tenant is served.
func TestKeysAreChanged(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	older, newer := seal.GenerateKey(), seal.GenerateKey()
	before := s.with("TENANTRY_SECRET_KEY=" + older)
	between := s.with("TENANTRY_SECRET_KEY=" + newer + "," + older)
	after := s.with("TENANTRY_SECRET_KEY=" + newer)
	before.create(t, "acme")

	r := after.run(t, "doctor", "--repair", "--json")
	found := only[document.List[lifecycle.Finding]](t, r.stdout)
	if r.status != exitFailed || len(found.Items) != 1 || found.Items[0].Kind != lifecycle.CredentialsUnreadable || found.Items[0].Repaired {
		t.Errorf("without the old key: status %d, %+v", r.status, found)
	}
	r = between.run(t, "doctor", "--no-header")
	if r.status != exitFailed || !strings.HasPrefix(r.stdout, "credentials-old-key\tacme\t") || !strings.Contains(r.stdout, "--repair") || !strings.Contains(r.stderr, "1 of 1 finding not") {
		t.Errorf("both keys: status %d, %q, %q", r.status, r.stdout, r.stderr)
	}
	r = between.run(t, "doctor", "--repair", "--json")
	found = only[document.List[lifecycle.Finding]](t, r.stdout)
	if r.status != exitDone || len(found.Items) != 1 || !found.Items[0].Repaired {
		t.Errorf("repair: status %d, %+v, %s", r.status, found, r.stderr)
	}
	if got := between.must(t, "doctor"); got != "all is well\n" {
		t.Errorf("%q", got)
	}
	if r := after.serve(t).get(t, "acme", "/api/me"); r.status != http.StatusOK {
		t.Errorf("without the old key: %d %s", r.status, r.body)
	}
	if out := r.stdout + r.stderr; strings.Contains(out, older) || strings.Contains(out, newer) {
		t.Errorf("a key is shown: %s", out)
	}
}

// TestCopiedCredentialsOpenNothing puts a tenant's sealed credentials in
// another tenant's row.
func TestCopiedCredentialsOpenNothing(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	s.create(t, "acme")
	s.create(t, "globex")
	a := s.open(t)
	err := a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
		var acme tenants.Tenant
		if err := tx.Take(&acme, "subdomain = ?", "acme").Error; err != nil {
			return err
		}
		return tx.Model(&tenants.Tenant{}).Where("subdomain = ?", "globex").Update("credentials", acme.Credentials).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := s.serve(t)
	if r := srv.get(t, "globex", "/api/projects"); r.status != http.StatusServiceUnavailable {
		t.Errorf("globex: %d %s", r.status, r.body)
	}
	if r := srv.get(t, "acme", "/api/projects"); r.status != http.StatusOK {
		t.Errorf("acme: %d %s", r.status, r.body)
	}
	srv.stop(t)
	if log := srv.log.String(); !strings.Contains(log, `"tenant":"globex"`) || !strings.Contains(log, "seal") {
		t.Errorf("the log doesn't say why: %s", log)
	}
	r := s.run(t, "doctor", "--repair", "--no-header")
	if r.status != exitFailed || !strings.HasPrefix(r.stdout, "credentials-unreadable\tglobex\t") || strings.Contains(r.stdout, "acme") {
		t.Errorf("status %d, %q", r.status, r.stdout)
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	bad := site{environ: []string{"TENANTRY_ADDR=nonsense"}} // which it needs not
	key := strings.TrimSpace(bad.must(t, "key", "new"))
	if _, err := seal.ParseKeys(key); err != nil || key == strings.TrimSpace(bad.must(t, "key", "new")) {
		t.Errorf("%v", err)
	}
	if d := only[map[string]string](t, bad.must(t, "key", "new", "--json")); len(d["key"]) != 44 {
		t.Errorf("%v", d)
	}
}

// TestDoctorClosesFilesToOthers opens the data folder to everybody first.
func TestDoctorClosesFilesToOthers(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	master := filepath.Join(s.dir, "master.db") // SQLite gives the files beside it its permissions
	open := map[string]os.FileMode{s.dir: 0o755, master: 0o644, filepath.Join(s.dir, "templates"): 0o701}
	for path, mode := range open {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, repair := range []bool{false, true} {
		r := s.run(t, "doctor", "--json", fmt.Sprintf("--repair=%t", repair))
		found := only[document.List[lifecycle.Finding]](t, r.stdout)
		if want := map[bool]int{false: exitFailed, true: exitDone}[repair]; r.status != want || len(found.Items) < len(open) {
			t.Errorf("repair %t: status %d, %+v, %s", repair, r.status, found.Items, r.stderr)
		}
		for _, f := range found.Items {
			path := strings.TrimSuffix(strings.TrimSuffix(f.Subject, "-wal"), "-shm")
			if _, known := open[path]; !known || f.Kind != "file-open-to-others" || f.Repaired != repair {
				t.Errorf("repair %t: %+v", repair, f)
			}
		}
	}
	if got := s.must(t, "doctor"); got != "all is well\n" {
		t.Errorf("%q", got)
	}
	for path := range open {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// TestDoctorNamesAlteredSchema drops a column of one tenant, and puts it back.
func TestDoctorNamesAlteredSchema(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		alter(t, s, "acme", "ALTER TABLE comments RENAME TO remarks")
		for _, repair := range []bool{false, true} {
			r := s.run(t, "doctor", "--no-header", fmt.Sprintf("--repair=%t", repair))
			want := "schema-differs\tacme\ttable comments is missing, and there are "
			if r.status != exitFailed || !strings.HasPrefix(r.stdout, want) || strings.Count(r.stdout, "\n") != 1 || !strings.Contains(r.stdout, "\tundo the change of the schema") {
				t.Errorf("status %d, %q", r.status, r.stdout)
			}
		}
		r := s.run(t, "doctor", "--json")
		found := only[document.List[lifecycle.Finding]](t, r.stdout).Items
		if r.status != exitFailed || len(found) != 1 || found[0].Kind != "schema-differs" || found[0].Subject != "acme" || found[0].Repaired {
			t.Errorf("status %d, %+v", r.status, found)
		}
		alter(t, s, "acme", "ALTER TABLE remarks RENAME TO comments")
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("%q", got)
		}
	})
}

// alter runs a statement on a tenant's database by hand.
func alter(t *testing.T, s site, subdomain, statement string) {
	t.Helper()
	a := s.open(t)
	tenant, err := a.Manager().Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	engine, home := tenantstest.SQLite, s.dir
	if url := s.config(t).DatabaseURL; strings.HasPrefix(url, "postgres") {
		engine, home = tenantstest.Postgres, url
	}
	tenantstest.Alter(t, engine, home, tenant, statement)
}
