package postgres

import (
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
)

// examinable is an engine with a template of its own, and a tenant at the last version.
func examinable(t *testing.T) (*Engine, *tenants.Tenant) {
	t.Helper()
	e := ownTemplate(t)
	tenant := made(t, e)
	tenant.SchemaVersion = e.SchemaVersion()
	return e, tenant
}

// wantExamined expects that the tenant has no faults, and that no draft is left.
func wantExamined(t *testing.T, e *Engine, tenant *tenants.Tenant) {
	t.Helper()
	if faults, err := e.Examine(t.Context(), tenant); err != nil || len(faults) > 0 {
		t.Errorf("found %+v, %v", faults, err)
	}
	if there, _, err := e.layout.find(t.Context(), e.template.schemaDraft(), ""); err != nil || there {
		t.Errorf("the draft is there: %t, %v", there, err)
	}
}

// TestSchemaIsMadeByManyEnginesAtOnce has several processes examine the same tenant.
func TestSchemaIsMadeByManyEnginesAtOnce(t *testing.T) {
	t.Parallel()
	first, tenant := examinable(t)
	var callers sync.WaitGroup
	for _, config := range []Config{first.config, first.config, first.config} {
		e := newEngine(t, config)
		for range 2 {
			callers.Go(func() {
				if faults, err := e.Examine(t.Context(), tenant); err != nil || len(faults) > 0 {
					t.Errorf("found %+v, %v", faults, err)
				}
			})
		}
	}
	callers.Wait()
	wantExamined(t, first, tenant)
}

// TestSchemaDraftThatWasLeft is listed and discarded like a template's, and doesn't hinder an examination.
func TestSchemaDraftThatWasLeft(t *testing.T) {
	t.Parallel()
	e := alone(t) // other tests take the lock of a shared installation
	tenant := made(t, e)
	tenant.SchemaVersion = e.SchemaVersion()
	draft := tenants.Object{Kind: tenants.ObjectTemporary, Name: e.template.schemaDraft()}
	leave := func() {
		t.Helper()
		if err := e.layout.createDraft(t.Context(), draft.Name); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	release, err := e.template.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "discard while a process builds", e.Discard(t.Context(), draft), tenants.ErrInUse)
	if age := ageOf(t, e, draft.Name); age == 0 {
		t.Error("a draft that a process builds has no age, as if it were left behind")
	}
	release()
	if err := e.Discard(t.Context(), draft); err != nil {
		t.Error(err)
	}
	leave()
	wantExamined(t, e, tenant)
}

// ageOf returns the age of a draft that Survey lists.
func ageOf(t *testing.T, e *Engine, name string) (age int64) {
	t.Helper()
	objects, err := e.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Name == name && o.Kind == tenants.ObjectTemporary {
			return int64(o.Age)
		}
	}
	t.Errorf("%s is not among %+v", name, objects)
	return 0
}

// TestSchemaThatCantBeMade has migrations that fail. Examine says so, and leaves no draft.
func TestSchemaThatCantBeMade(t *testing.T) {
	t.Parallel()
	e, tenant := examinable(t)
	broken := e.config
	broken.Schema = tenants.Schema{Migrations: map[string]fs.FS{Dialect: fstest.MapFS{
		"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (n nothing);\n")},
	}}}
	other := newEngine(t, broken)
	dropTemplate(t, other)
	for range 2 {
		faults, err := other.Examine(t.Context(), tenant)
		if err == nil || len(faults) > 0 || !strings.Contains(err.Error(), "make the schema to compare with") {
			t.Errorf("found %+v, %v", faults, err)
		}
	}
	if there, _, err := e.layout.find(t.Context(), other.template.schemaDraft(), ""); err != nil || there {
		t.Errorf("the draft is there: %t, %v", there, err)
	}
	wantExamined(t, e, tenant)
}
