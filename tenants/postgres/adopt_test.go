package postgres

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
)

// urlOf names a database on the engine's server.
func urlOf(t *testing.T, e *Engine, database string) string {
	t.Helper()
	u, err := url.Parse(e.config.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + database
	return u.String()
}

// filled is a tenant with a row.
func filled(t *testing.T, e *Engine) *tenants.Tenant {
	t.Helper()
	tenant := made(t, e)
	if err := handle(t, e, tenant).Create(&notes.Folder{Name: "kept"}).Error; err != nil {
		t.Fatal(err)
	}
	return tenant
}

func wantAdopted(t *testing.T, e *Engine, source string) {
	t.Helper()
	tenant := unmade(t, e)
	if _, err := e.Adopt(t.Context(), tenant, source); err != nil {
		t.Fatal(err)
	}
	db := handle(t, e, tenant)
	var found []notes.Folder
	if err := db.Find(&found).Error; err != nil || len(found) != 1 || found[0].Name != "kept" {
		t.Errorf("folders %+v, %v", found, err)
	}
	wantUsable(t, db)
	if err := db.Exec("UPDATE goose_db_version SET version_id = 9").Error; stateOf(err) != "42501" {
		t.Errorf("the tenant's role writes the versions: %v", err)
	}
}

// TestAdoptFromAnotherServer needs a password there, and no superuser on either.
func TestAdoptFromAnotherServer(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	eachProvisioner(t, func(t *testing.T, s *own) {
		source := filled(t, s.Engine)
		wantAdopted(t, e, urlOf(t, s.Engine, source.Database))
		wantAdopted(t, s.Engine, urlOf(t, s.Engine, source.Database))
		wrong := strings.Replace(urlOf(t, s.Engine, source.Database), s.server.Password, "hunter2", 1)
		wantSource(t, s.Engine, wrong, "refuses the user or the password")
		wantSource(t, s.Engine, urlOf(t, s.Engine, "hunter2"), "no database of that name")
	})
}

func wantSource(t *testing.T, e *Engine, source, want string) {
	t.Helper()
	_, err := e.Adopt(t.Context(), unmade(t, e), source)
	var failure *tenants.SourceError
	if !errors.As(err, &failure) || !strings.Contains(failure.Reason, want) || errors.Is(err, tenants.ErrUnavailable) {
		t.Errorf("got %v, want a SourceError with %q", err, want)
	}
	if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "SQLSTATE")) {
		t.Errorf("%v tells too much", err)
	}
}

// TestAdoptAsOneWhoMayNotReadAll leaves out no rows silently.
func TestAdoptAsOneWhoMayNotReadAll(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		source := filled(t, s.Engine)
		reader := "CREATE ROLE reader LOGIN PASSWORD 'reading'; GRANT CONNECT ON DATABASE " + source.Database + " TO reader"
		change(t, s.Engine, source, reader+"; GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
		u, err := url.Parse(urlOf(t, s.Engine, source.Database))
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("reader", "reading")
		wantSource(t, s.Engine, u.String(), "not read all rows of every table and sequence")
		change(t, s.Engine, source, "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader")
		wantAdopted(t, s.Engine, u.String())
		change(t, s.Engine, source, "ALTER TABLE folders ENABLE ROW LEVEL SECURITY")
		_, err = s.Adopt(t.Context(), unmade(t, s.Engine), u.String())
		wantError(t, "row security", err, tenants.ErrSchema)
		change(t, s.Engine, source, "ALTER TABLE folders DISABLE ROW LEVEL SECURITY; CREATE SCHEMA elsewhere")
		_, err = s.Adopt(t.Context(), unmade(t, s.Engine), u.String())
		wantError(t, "another schema", err, tenants.ErrSchema)
	})
}

func TestAdoptALockedSource(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	source, tenant := filled(t, e), unmade(t, e)
	holder, err := connector{server: e.server, database: source.Database}.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if _, err := holder.Conn.Conn().Exec(t.Context(), "BEGIN; LOCK TABLE folders"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = e.Adopt(short, tenant, urlOf(t, e, source.Database))
	wantError(t, "adopt for a second", err, context.DeadlineExceeded)
	if draft, _, err := e.layout.find(t.Context(), e.adoptionName(tenant.Database), ""); draft || err != nil {
		t.Errorf("the draft is left: %v, %v", draft, err)
	}
	_, err = e.Adopt(t.Context(), tenant, urlOf(t, e, source.Database))
	var failure *tenants.SourceError
	if !errors.As(err, &failure) || !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(failure.Reason, "locked") {
		t.Errorf("got %v", err)
	}
}

// TestAdoptThatDied has what a killed adoption leaves at each stage, and an
// adoption that is under way.
func TestAdoptThatDied(t *testing.T) {
	t.Parallel()
	e := alone(t)
	source, tenant := made(t, e), unmade(t, e)
	draft := e.adoptionName(tenant.Database)
	kept := []string{"database " + source.Database + " " + source.ID, "role " + source.Database + " " + source.ID}
	left := tenants.Object{Kind: tenants.ObjectTemporary, Name: draft, TenantID: tenant.ID}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(e.layout.createDraft(t.Context(), draft))
	wantSurvey(t, e, append(kept, "temporary "+draft+" "+tenant.ID)...)
	must(e.fillDraft(t.Context(), draft, e.config.Schema.Migrations[Dialect]))
	wantSurvey(t, e, append(kept, "temporary "+draft+" "+tenant.ID)...)

	worker, err := connector{server: e.server, database: draft}.dial(t.Context())
	must(err)
	wantError(t, "discard", e.Discard(t.Context(), left), tenants.ErrInUse)
	_, err = e.Adopt(t.Context(), tenant, urlOf(t, e, source.Database))
	wantError(t, "adopt beside another one", err, tenants.ErrUnavailable)
	must(worker.Close())

	for range 2 {
		must(e.Discard(t.Context(), left))
	}
	wantSurvey(t, e, kept...)
	must(e.layout.createDraft(t.Context(), draft))
	must(e.Drop(t.Context(), tenant))
	wantSurvey(t, e, kept...)
	must(e.layout.createDraft(t.Context(), draft))
	_, err = e.Adopt(t.Context(), tenant, urlOf(t, e, source.Database))
	must(err)
	opened(t, e, tenant)
	finished := unmade(t, e) // but for the role
	must(e.copyTemplate(t.Context(), finished.Database))
	_, err = e.Adopt(t.Context(), finished, urlOf(t, e, source.Database))
	must(err)
	opened(t, e, finished)
	must(e.Drop(t.Context(), finished))
	wantSurvey(t, e, append(kept, "database "+tenant.Database+" "+tenant.ID, "role "+tenant.Database+" "+tenant.ID)...)
}
