package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

const (
	someID   = "01j0000000000000000000000a"
	someTurn = ".01J0000000000000000000000B.tmp"
)

// put makes a file that was last written so long ago.
func put(t *testing.T, age time.Duration, elements ...string) {
	t.Helper()
	name := filepath.Join(elements...)
	must(t, os.WriteFile(name, nil, 0o600))
	when := time.Now().Add(-age)
	must(t, os.Chtimes(name, when, when))
}

// survey is what is listed: kind, name and tenant's id.
func survey(t *testing.T, engine *sqlite.Engine) []string {
	t.Helper()
	objects, err := engine.Survey(t.Context())
	must(t, err)
	all := []string{}
	for _, o := range objects {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Kind, o.Name, o.TenantID)))
	}
	return all
}

func wantSurvey(t *testing.T, engine *sqlite.Engine, want ...string) {
	t.Helper()
	if got := survey(t, engine); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// leftovers makes all that a survey can find, of that age, and says what it is.
func leftovers(t *testing.T, dir string, age time.Duration) []string {
	t.Helper()
	for _, name := range []string{
		"templates/0123456789abcdef.db",
		"templates/0123456789abcdef.db" + someTurn,
		"templates/0123456789abcdef.db" + someTurn + "-wal",
		"tenants/" + someID + ".db" + someTurn,
		"trash/" + someID + ".db" + someTurn + "-journal",
	} {
		put(t, age, dir, name)
	}
	for _, foreign := range []string{
		"templates/README", "templates/" + someID + ".db", "templates/" + someID + ".db" + someTurn,
		"tenants/backup.db", "tenants/0123456789abcdef.db", "tenants/" + someID + ".db.tmp", "tenants/" + someID + ".db.old" + someTurn,
		"trash/backup.db", "master.db" + someTurn,
	} {
		put(t, age, dir, foreign)
	}
	return []string{
		"template templates/0123456789abcdef.db",
		"temporary templates/0123456789abcdef.db" + someTurn,
		"temporary tenants/" + someID + ".db" + someTurn + " " + someID,
		"temporary trash/" + someID + ".db" + someTurn + " " + someID,
	}
}

func TestSurveyPassesOverWhatIsNotTheEngines(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	must(t, engine.Drop(t.Context(), create(t, engine))) // leaves the current template
	wantSurvey(t, engine)
	wantSurvey(t, engine, leftovers(t, dir, time.Minute)...)
}

func TestSurveyTellsTheAge(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	name := filepath.Join("tenants", someID+".db"+someTurn)
	put(t, 3*time.Hour, dir, name)
	put(t, 2*time.Hour, dir, name+"-wal") // the last that was written
	objects, err := engine.Survey(t.Context())
	must(t, err)
	if len(objects) != 1 || objects[0].Age < 2*time.Hour || objects[0].Age > 3*time.Hour {
		t.Errorf("got %+v", objects)
	}
	put(t, -time.Hour, dir, name) // by a clock that was put back
	objects, err = engine.Survey(t.Context())
	must(t, err)
	if len(objects) != 1 || objects[0].Age != 0 {
		t.Errorf("got %+v", objects)
	}
}

// TestSurveyOfFilesWithoutADatabase has what Trash and Drop leave when they are
// broken off.
func TestSurveyOfFilesWithoutADatabase(t *testing.T) {
	t.Parallel()
	engine, dir, tenant := crashed(t)
	must(t, os.Rename(path(dir, tenant), trashPath(dir, tenant)))
	wantSurvey(t, engine, "trash trash/"+tenant.Database+" "+tenant.ID)
	must(t, os.Remove(trashPath(dir, tenant)))
	wantSurvey(t, engine, "database tenants/"+tenant.Database+" "+tenant.ID)
	must(t, engine.Drop(t.Context(), tenant))
	wantSurvey(t, engine)
}

func TestDiscardRemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	leftovers(t, dir, 2*time.Hour)
	before := len(files(t, dir))
	objects, err := engine.Survey(t.Context())
	must(t, err)
	for _, o := range objects {
		if o.TenantID == tenant.ID {
			continue
		}
		for range 2 {
			must(t, engine.Discard(t.Context(), o))
		}
	}
	wantSurvey(t, engine, "database tenants/"+tenant.Database+" "+tenant.ID)
	if removed := before - len(files(t, dir)); removed != 5 {
		t.Errorf("%d files were removed, want 5", removed)
	}
}

func TestDiscardLeavesWhatMayBeSomebodys(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	create(t, engine)
	current, err := filepath.Glob(filepath.Join(strings.NewReplacer("?", `\?`).Replace(dir), "templates", "*"))
	must(t, err)
	if len(current) != 1 {
		t.Fatalf("templates %q", current)
	}
	name := filepath.Join("tenants", someID+".db"+someTurn)
	put(t, 2*time.Hour, dir, name)
	put(t, 50*time.Minute, dir, name+"-wal")
	for _, o := range []tenants.Object{
		{Kind: tenants.ObjectTemplate, Name: filepath.Join("templates", filepath.Base(current[0]))},
		{Kind: tenants.ObjectTemporary, Name: name, Age: 2 * time.Hour},
	} {
		if err := engine.Discard(t.Context(), o); !errors.Is(err, tenants.ErrInUse) {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := os.Stat(filepath.Join(dir, o.Name)); err != nil {
			t.Error(err)
		}
	}
}

func TestDiscardReachesNothingElse(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	leftovers(t, dir, 2*time.Hour)
	elsewhere := "0123456789abcdef.db"
	put(t, 2*time.Hour, filepath.Dir(dir), elsewhere)
	before := len(files(t, filepath.Dir(dir)))
	for _, name := range []string{
		"", ".", "templates", "templates/README", "../" + elsewhere, "templates/../../" + elsewhere, "templates/./" + elsewhere,
		filepath.Join(dir, "templates", elsewhere), "templates//" + elsewhere, "trash/backup.db", "master.db" + someTurn,
	} {
		if err := engine.Discard(t.Context(), tenants.Object{Kind: tenants.ObjectTemplate, Name: name}); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	if after := len(files(t, filepath.Dir(dir))); after != before {
		t.Errorf("%d of %d files are left", after, before)
	}
}
