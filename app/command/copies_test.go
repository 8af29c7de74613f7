package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/document"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/wait"
)

// TestCopiesByAPI exports, clones and moves a tenant through the operator's API, and refuses what can't be done.
func TestCopiesByAPI(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.must(t, "server", "add", "other", "sqlite:"+t.TempDir())
		srv := s.serve(t)
		if r := srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`); r.status != http.StatusCreated {
			t.Fatalf("%d %s", r.status, r.body)
		}
		for _, test := range []struct {
			path, body string
			status     int
			contains   string
		}{
			{"nobody/clone", `{"subdomain":"copy"}`, 404, "no tenant"},
			{"acme/clone", `{}`, 422, `"subdomain"`},
			{"acme/clone", `{"subdomain":"Copy!"}`, 422, `"subdomain"`},
			{"acme/clone", `{"subdomain":"copy","server":"nowhere"}`, 422, `"server"`},
			{"acme/clone", `{"subdomain":"acme"}`, 409, "already"},
			{"acme/clone", `{"subdomain":"copy","name":"A copy"}`, 201, `"name":"A copy"`},
			{"acme/move", `{}`, 422, `"server"`},
			{"acme/move", `{"server":"nowhere"}`, 422, `"server"`},
			{"acme/move", `{"server":"other","x":1}`, 422, `"x"`},
			{"acme/move", `{"server":"other"}`, 200, `"server":"other"`},
			{"acme/restore", `{"as":"back"}`, 409, "TENANTRY_BACKUP_URL"},
		} {
			if r := srv.operate(t, "POST", "/api/tenants/"+test.path, test.body); r.status != test.status || !strings.Contains(r.body, test.contains) {
				t.Errorf("%s %s: %d %s", test.path, test.body, r.status, r.body)
			}
		}
		for query, status := range map[string]int{"acme/export": 200, "copy/export?credentials=true": 200, "acme/export?credentials=yes": 422, "acme/export?x=1": 400, "nobody/export": 404} {
			r := srv.operate(t, "GET", "/api/tenants/"+query, "")
			if r.status != status || status == 200 && (!strings.Contains(r.body, "Anvils") || !strings.HasPrefix(r.body, "SQLite format 3") ||
				strings.Contains(r.body, "$argon2") != strings.Contains(query, "true") || r.header.Get("Content-Disposition") == "") {
				t.Errorf("%s: %d %v, %d bytes", query, r.status, r.header, len(r.body))
			}
		}
		if r := srv.operate(t, "GET", "/api/operations?kind=export", ""); strings.Count(r.body, `"state":"done"`) != 2 {
			t.Errorf("ledger: %s", r.body)
		}
		wait.Until(t, "the files to be removed", func() bool { // after the last byte was sent
			left, err := filepath.Glob(filepath.Join(s.dir, "restore-*"))
			return len(left) == 0 && err == nil
		})
	})
}

// TestRestoreByAPI makes tenants of backups.
func TestRestoreByAPI(t *testing.T) {
	t.Parallel()
	s, _ := withBackups(t)
	s.create(t, "acme")
	s.must(t, "backup", "run")
	srv := s.serve(t)
	now := time.Now().UTC().Format(time.RFC3339Nano)
	for _, test := range []struct {
		body     string
		status   int
		contains string
	}{
		{`{"as":"back"}`, 201, `"restored_at"`},
		{`{"as":"back"}`, 409, "already"},
		{`{"as":"then","at":"` + now + `"}`, 201, `"subdomain":"then"`},
		{`{"as":"never","at":"2020-01-01T00:00:00Z"}`, 409, "no backup"},
		{`{"as":"never","at":"yesterday"}`, 422, `"at"`},
		{`{"as":"Never!"}`, 422, `"as"`},
		{`{"at":"` + now + `"}`, 422, `"as"`},
	} {
		if r := srv.operate(t, "POST", "/api/tenants/acme/restore", test.body); r.status != test.status || !strings.Contains(r.body, test.contains) {
			t.Errorf("%s: %d %s", test.body, r.status, r.body)
		}
	}
	if _, ok := srv.signIn(t, "back", admin("acme"), password); !ok {
		t.Error("no sign-in at the restored tenant")
	}
	s.must(t, "tenant", "archive", "acme", "--yes")
	if r := srv.operate(t, "POST", "/api/tenants/acme/restore", ""); r.status != 200 || !strings.Contains(r.body, `"active"`) {
		t.Errorf("of an archived tenant: %d %s", r.status, r.body)
	}
}

// download posts to the account page's export with those header lines.
func (srv *server) download(t *testing.T, subdomain, lines string) reply {
	t.Helper()
	return srv.as(t, lines, "POST", subdomain, "/account/export", "")
}

// TestAdminsDownloadAllData: an admin in a session gets all data but credentials. Members, tokens and pages of another
// origin get none, and admins not too often. Each download is in both ledgers.
func TestAdminsDownloadAllData(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		srv := s.serve(t)
		if r := srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`); r.status != http.StatusCreated {
			t.Fatalf("%d %s", r.status, r.body)
		}
		cookie := srv.cookie(t, "acme")
		origin := fmt.Sprintf("Origin: http://acme.localhost:%s\r\n", srv.public[strings.LastIndexByte(srv.public, ':')+1:])
		for name, test := range map[string]struct {
			subdomain, lines string
			status           int
		}{
			"nobody": {"acme", origin, 401}, "a token": {"acme", origin + srv.apiToken(t, "acme"), 403},
			"another tenant's": {"globex", cookie, 401}, "another origin": {"acme", cookie + "Origin: http://evil.example\r\n", 403},
		} {
			if r := srv.download(t, test.subdomain, test.lines); r.status != test.status {
				t.Errorf("%s: %d %s", name, r.status, r.body[:min(200, len(r.body))])
			}
		}
		for i, want := range []int{200, 200, 200, 429} {
			r := srv.download(t, "acme", cookie+origin)
			if r.status != want {
				t.Fatalf("%d: %d %s", i, r.status, r.body[:min(200, len(r.body))])
			}
			if want == 429 {
				if r.header.Get("Retry-After") == "" {
					t.Errorf("%v", r.header)
				}
				continue
			}
			if !strings.HasPrefix(r.body, "SQLite format 3") || !strings.Contains(r.body, "Anvils") || strings.Contains(r.body, "$argon2") {
				t.Errorf("%d: %v, %d bytes", i, r.header, len(r.body))
			}
		}
		if r := srv.get(t, "acme", "/api/activity"); strings.Count(r.body, `"tenant.exported"`) != 3 {
			t.Errorf("activity: %s", r.body)
		}
		ledger := only[document.List[document.Operation]](t, s.must(t, "operations", "--kind", "export", "--json"))
		if len(ledger.Items) != 3 || !strings.Contains(ledger.Items[0].By, admin("acme")) {
			t.Errorf("ledger: %+v", ledger)
		}
		a := s.open(t)
		acme, err := a.Manager().Get(t.Context(), "acme")
		if err == nil {
			err = a.Store().Update(t.Context(), acme, func(tx *gorm.DB) error {
				return tx.Model(&models.User{}).Where("1 = 1").Update("role", models.RoleMember).Error
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		if r := srv.download(t, "acme", cookie+origin); r.status != 403 {
			t.Errorf("a member: %d", r.status)
		}
	})
}

// TestLeftScratch: a folder of a process that died is named by the doctor and removed by a server; that of a living one is
// neither.
func TestLeftScratch(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	leave := func(name string) string {
		dir := filepath.Join(s.dir, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, long, long); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dead, living := leave("restore-1"), leave("restore-2")
	owner, err := os.Open(filepath.Join(living, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if locked, err := sqlite.TryLock(owner); err != nil || !locked {
		t.Fatal(locked, err)
	}
	if r := s.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, "restore-1") || strings.Contains(r.stdout, "restore-2") {
		t.Errorf("doctor: %d %s", r.status, r.stdout)
	}
	s.must(t, "doctor", "--repair")
	if fileExists(dead) || !fileExists(living) {
		t.Errorf("after doctor --repair: %v %v", fileExists(dead), fileExists(living))
	}
	dead = leave("restore-3")
	s.serve(t)
	wait.Until(t, "the folder to be removed", func() bool { return !fileExists(dead) })
	if !fileExists(living) {
		t.Error("the folder of a living process is gone")
	}
}
