package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
)

// alone is an engine of an installation of its own on the shared server, which
// sees nothing of what other tests do there.
func alone(t *testing.T) *Engine {
	t.Helper()
	c := configAt(t, pgcluster.Database(t))
	c.Schema = ownSchema(t)
	e := newEngine(t, c)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		removeTemplate(t, ctx, e)
		if err := e.exec(ctx, "DROP ROLE %s", e.group); err != nil {
			t.Error(err)
		}
	})
	return e
}

// later is the same installation as e's with other migrations.
func later(t *testing.T, e *Engine) *Engine {
	t.Helper()
	c := e.config
	c.Schema = ownSchema(t)
	after := newEngine(t, c)
	dropTemplate(t, after)
	return after
}

func wantSurvey(t *testing.T, e *Engine, want ...string) {
	t.Helper()
	objects, err := e.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, o := range objects {
		got = append(got, strings.TrimSpace(string(o.Kind)+" "+o.Name+" "+o.TenantID))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSurveyListsTheInstallationsOwn(t *testing.T) {
	t.Parallel()
	e, neighbour := alone(t), alone(t)
	wantSurvey(t, e)
	one, two := made(t, e), made(t, e)
	theirs := made(t, neighbour)
	if err := e.Trash(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	wantSurvey(t, e,
		"database "+one.Database+" "+one.ID, "role "+one.Database+" "+one.ID,
		"role "+two.Database+" "+two.ID, "trash "+trashName(two.Database)+" "+two.ID)
	wantSurvey(t, neighbour, "database "+theirs.Database+" "+theirs.ID, "role "+theirs.Database+" "+theirs.ID)
}

// TestSurveyListsHalves has what an interrupted creation or Drop leaves, and
// what an operator made by hand.
func TestSurveyListsHalves(t *testing.T) {
	t.Parallel()
	e := alone(t)
	tenant := unmade(t, e)
	if err := e.copyTemplate(t.Context(), tenant.Database); err != nil {
		t.Fatal(err)
	}
	database, role := "database "+tenant.Database+" "+tenant.ID, "role "+tenant.Database+" "+tenant.ID
	wantSurvey(t, e, database)
	if err := e.exec(t.Context(), "CREATE ROLE %s", tenant.Database); err != nil { // outside of the group
		t.Fatal(err)
	}
	wantSurvey(t, e, database, role)
	if err := errors.Join(
		e.exec(t.Context(), "GRANT %s TO %s", e.group, tenant.Database),
		e.exec(t.Context(), "DROP DATABASE %s", tenant.Database),
	); err != nil {
		t.Fatal(err)
	}
	wantSurvey(t, e, role)
	if err := e.exec(t.Context(), "CREATE DATABASE %s TEMPLATE template0", tenant.Database); err != nil { // without rights in it
		t.Fatal(err)
	}
	wantSurvey(t, e, database, role)
}

func TestDiscardRemovesOldTemplatesAndDrafts(t *testing.T) {
	t.Parallel()
	before := alone(t)
	tenant := made(t, before)
	e := later(t, before)
	next := made(t, e)
	draft := later(t, e).template.name + draftSuffix // never to be built by anybody
	if err := e.layout.createDraft(t.Context(), draft); err != nil {
		t.Fatal(err)
	}
	left := map[string]tenants.ObjectKind{draft: tenants.ObjectTemporary, before.template.name: tenants.ObjectTemplate}
	objects, err := e.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		kind, found := left[o.Name]
		if !found {
			continue
		}
		if kind == tenants.ObjectTemplate && (o.Age <= 0 || o.Age > time.Hour) {
			t.Errorf("the template is said to be superseded for %v", o.Age)
		}
		delete(left, o.Name)
		if o.Kind != kind || o.TenantID != "" {
			t.Errorf("%+v is not a %s", o, kind)
		}
		for range 2 {
			if err := e.Discard(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("not listed: %v", left)
	}
	wantSurvey(t, e, "database "+tenant.Database+" "+tenant.ID, "role "+tenant.Database+" "+tenant.ID,
		"database "+next.Database+" "+next.ID, "role "+next.Database+" "+next.ID)
	made(t, before) // the old program goes on
}

// TestDiscardBesideABuilder has another process at work on a template.
func TestDiscardBesideABuilder(t *testing.T) {
	t.Parallel()
	before := alone(t)
	made(t, before)
	e := later(t, before)
	builder, err := e.admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := builder.Exec("SELECT pg_advisory_xact_lock($1)", int64(templateLock)); err != nil {
		t.Fatal(err)
	}
	old := tenants.Object{Kind: tenants.ObjectTemplate, Name: before.template.name}
	wantError(t, "discard", e.Discard(t.Context(), old), tenants.ErrInUse)
	wantTemplate(t, before)
	if err := builder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := e.Discard(t.Context(), old); err != nil {
		t.Error(err)
	}
}

func TestDiscardReachesNothingElse(t *testing.T) {
	t.Parallel()
	e, neighbour := alone(t), alone(t)
	made(t, e)
	made(t, neighbour)
	wantError(t, "discard the current template", e.Discard(t.Context(), tenants.Object{Name: e.template.name}), tenants.ErrInUse)
	for _, name := range []string{neighbour.template.name, e.server.Database, "template1", "postgres"} {
		wantError(t, "discard "+name, e.Discard(t.Context(), tenants.Object{Kind: tenants.ObjectTemplate, Name: name}), errNotOurs)
	}
	wantTemplate(t, e)
	wantTemplate(t, neighbour)
}

func TestSurveyNeedsNoSuperuser(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		tenant := made(t, s.Engine)
		wantSurvey(t, s.Engine, "database "+tenant.Database+" "+tenant.ID, "role "+tenant.Database+" "+tenant.ID)
		after := later(t, s.Engine)
		if err := after.Discard(t.Context(), tenants.Object{Kind: tenants.ObjectTemplate, Name: s.template.name}); err != nil {
			t.Error(err)
		}
	})
}
