package command

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// sourceOf is the URL of a tenant's database, for an administrator.
func (s site) sourceOf(t *testing.T, subdomain string) string {
	t.Helper()
	database := only[shown](t, s.must(t, "tenant", "show", subdomain, "--json")).Database
	for _, setting := range s.environ {
		if master, ok := strings.CutPrefix(setting, "TENANTRY_DATABASE_URL="); ok {
			server, params, _ := strings.Cut(master, "?")
			return server[:strings.LastIndexByte(server, '/')+1] + database + "?" + params
		}
	}
	return "sqlite:" + filepath.Join(s.dir, "tenants", database)
}

// TestAdopt makes a tenant of a copy of another's database, as of one that a
// customer brings along.
func TestAdopt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
		r := s.pipe(t, s.sourceOf(t, "acme")+"\n", "tenant", "create", "copy", "--from=-", "--json")
		if made := only[document.Created](t, r.stdout); r.status != exitDone || made.State != "active" {
			t.Fatalf("%d %s", r.status, r.stderr)
		}
		s.must(t, "tenant", "create", "again", "--from="+s.sourceOf(t, "acme"))
		token, ok := srv.signIn(t, "copy", admin("acme"), password)
		if !ok {
			t.Fatal("acme's admin can't sign in at the copy")
		}
		bearer := "Authorization: Bearer " + token + "\r\n"
		if r := srv.as(t, bearer, "GET", "copy", "/api/projects", ""); r.status != http.StatusOK || !strings.Contains(r.body, "Anvils") {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := srv.as(t, srv.bearer(t, "acme"), "GET", "copy", "/api/projects", ""); r.status != http.StatusUnauthorized {
			t.Errorf("acme's session at the copy: %d", r.status)
		}
		srv.as(t, bearer, "POST", "copy", "/api/projects", `{"name":"Horseshoes"}`)
		if r := srv.get(t, "acme", "/api/projects"); r.status != http.StatusOK || strings.Contains(r.body, "Horseshoes") {
			t.Errorf("acme after a change of the copy: %d %s", r.status, r.body)
		}
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestAdoptRefuses leaves nothing behind of what can't be adopted.
func TestAdoptRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		master := "sqlite:" + filepath.Join(s.dir, "master.db")
		for _, setting := range s.environ {
			if url, ok := strings.CutPrefix(setting, "TENANTRY_DATABASE_URL="); ok {
				master = url
			}
		}
		before := s.files(t)
		for source, status := range map[string]int{
			master: exitFailed, s.sourceOf(t, "acme") + "x": exitFailed, "mysql://user:hunter2@h/d": exitUsage, "": exitUsage,
		} {
			r := s.pipe(t, source+"\n", "tenant", "create", "copy", "--from=-")
			if r.status != status || strings.Contains(r.stderr, "hunter2") {
				t.Errorf("%s: %d %s", source, r.status, r.stderr)
			}
		}
		if r := s.pipe(t, "x\n", "tenant", "create", "copy", "--from=-", "--admin-email=a@b.example", "--admin-password-stdin"); r.status != exitUsage {
			t.Errorf("two things on standard input: %d %s", r.status, r.stderr)
		}
		if list := only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--json")); len(list.Items) != 1 {
			t.Errorf("%+v", list)
		}
		if after := s.files(t); len(after) != len(before) {
			t.Errorf("files %v became %v", before, after)
		}
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestResumeACreation interrupts creations before the database is there, one of
// a tenant that is to have an admin. That one's resumption prints a link.
func TestResumeACreation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		s.create(t, "globex")
		a := s.open(t)
		for subdomain, step := range map[string]string{"acme": "database", "globex": lifecycle.StepPrepare} {
			halve(t, a, subdomain, step)
			if r := s.run(t, "tenant", "create", subdomain); r.status != exitFailed || !strings.Contains(r.stderr, "taken") {
				t.Errorf("create: %d %s", r.status, r.stderr)
			}
			resumed := s.must(t, "tenant", "create", subdomain, "--resume")
			said, link, invited := strings.Cut(resumed, "\n"+admin(subdomain)+" sets a password, once and before ")
			if strings.TrimSpace(said) != "tenant "+subdomain+" is active" || invited != (subdomain == "globex") {
				t.Errorf("resume says %q", resumed)
			}
			if invited {
				if r := s.serve(t).accept(t, subdomain, strings.TrimSpace(link)); r.status != http.StatusCreated {
					t.Errorf("the link from resume: %d %s", r.status, r.body)
				}
			}
			r := s.run(t, "tenant", "create", subdomain, "--resume") // there is nothing to do
			if r.stdout != "tenant "+subdomain+" is active\n" || !strings.Contains(r.stderr, "tenantry tenant admin "+subdomain) {
				t.Errorf("resume says %q, %q", r.stdout, r.stderr)
			}
		}
		globex, err := a.Manager().Get(t.Context(), "globex")
		if err != nil {
			t.Fatal(err)
		}
		var user models.User
		err = a.Store().View(t.Context(), globex, func(tx *gorm.DB) error { return tx.Take(&user).Error })
		if err != nil || user.Email != admin("globex") || user.Role != models.RoleAdmin {
			t.Errorf("%+v, %v", user, err)
		}
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("%q", got)
		}
	})
}

// halve makes the tenant one whose creation stopped at the step.
func halve(t *testing.T, a *app.App, subdomain, step string) {
	t.Helper()
	tenant, err := a.Manager().Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	if err := engineOf(a).Drop(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	err = a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
		half := map[string]any{"state": tenants.OperationRunning, "step": step, "finished_at": nil}
		if err := tx.Model(&tenants.Operation{}).Where("tenant_id = ? AND kind = ?", tenant.ID, tenants.KindCreate).Updates(half).Error; err != nil {
			return err
		}
		return tx.Model(tenant).Update("state", tenants.StateProvisioning).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}
