package fleet_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// rehearsing is an installation with a fleet of a newer build, which has one more migration.
type rehearsing struct {
	*tenantstest.Env
	*fleet.Fleet
	tenants map[string]*tenants.Tenant
}

func newRehearsing(t *testing.T, engine tenantstest.Engine, alone bool, migration string, subdomains ...string) *rehearsing {
	t.Helper()
	r := &rehearsing{Env: tenantstest.New(t, tenantstest.Options{Engine: engine, Alone: alone}), tenants: map[string]*tenants.Tenant{}}
	for _, subdomain := range subdomains {
		r.tenants[subdomain] = r.Tenant(t, subdomain)
	}
	newer := r.Beside(t, tenantstest.Options{Schema: withMigration(t, migration)})
	r.Fleet = fleet.New(newer.Store, newer.Lifecycle, slog.New(slog.DiscardHandler))
	return r
}

// withMigration is the schema of notes with one more migration.
func withMigration(t testing.TB, text string) tenants.Schema {
	t.Helper()
	schema := notes.Schema()
	for dialect, folder := range schema.Migrations {
		all := fstest.MapFS{"00003_more.sql": {Data: []byte(text)}}
		for _, name := range []string{"00001_init.sql", "00002_pinned.sql"} {
			content, err := fs.ReadFile(folder, name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = &fstest.MapFile{Data: content}
		}
		schema.Migrations[dialect] = all
	}
	return schema
}

// fill gives a tenant folders.
func (r *rehearsing) fill(t *testing.T, subdomain string, names ...string) {
	t.Helper()
	err := r.Store.Update(t.Context(), r.tenants[subdomain], func(tx *gorm.DB) error {
		for _, name := range names {
			if err := tx.Create(&notes.Folder{Name: name, Remark: "same"}).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// content is what a tenant's database has: the folders and the version.
func (r *rehearsing) content(t *testing.T, subdomain string) (all []string) {
	t.Helper()
	err := r.Store.View(t.Context(), r.tenants[subdomain], func(tx *gorm.DB) error {
		err := tx.Model(&notes.Folder{}).Order("id").Pluck("name || ' ' || remark", &all).Error
		var versions []string
		err = errors.Join(err, tx.Table("goose_db_version").Order("id").Pluck("version_id", &versions).Error)
		all = append(all, versions...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// temporary returns the names of the server's temporary objects.
func (r *rehearsing) temporary(t *testing.T) (names []string) {
	t.Helper()
	objects, err := r.Engine.Survey(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Kind == tenants.ObjectTemporary {
			names = append(names, o.Name)
		}
	}
	return names
}

const dangerous = `-- +goose Up
ALTER TABLE folders ADD COLUMN place text;
UPDATE folders SET place = name, remark = 'changed';
DELETE FROM folders WHERE name = 'b';
CREATE UNIQUE INDEX folders_place_key ON folders (place, remark);
ALTER TABLE notes DROP COLUMN pinned;
`

// TestForecast counts tenants and bytes, and finds the dangers of the migration for each version.
func TestForecast(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		r := newRehearsing(t, engine, false, dangerous, "acme", "globex", "initech")
		setBehind(t, r.Env, "initech")
		forecasts, err := r.Forecast(t.Context(), fleet.Plan{}, nil)
		if err != nil || len(forecasts) != 2 {
			t.Fatalf("%+v, %v", forecasts, err)
		}
		slices.SortFunc(forecasts, func(a, b fleet.Forecast) int { return int(a.From - b.From) })
		zero, two := forecasts[0], forecasts[1]
		if zero.From != 0 || zero.Tenants != 1 || zero.Largest != "initech" || len(zero.Report.Migrations) != 3 || zero.Dangers() != 2 { // the missing Down, and the process of the older build
			t.Errorf("version 0: %+v, %d dangers", zero, zero.Dangers())
		}
		if two.From != 2 || two.To != 3 || two.Tenants != 2 || two.Unmeasured != 0 || two.Bytes < 2*two.LargestBytes/2 || two.LargestBytes == 0 ||
			two.Seconds <= two.LargestSeconds/2 || len(two.Report.Migrations) != 1 || two.Report.Error != "" {
			t.Errorf("version 2: %+v", two)
		}
		old := fleet.New(r.Store, r.Lifecycle, slog.New(slog.DiscardHandler))
		if forecasts, err := old.Forecast(t.Context(), fleet.Plan{Tenants: []string{"acme"}}, nil); err != nil || len(forecasts) != 0 {
			t.Errorf("nothing pending: %+v, %v", forecasts, err)
		}
		var unknown *fleet.UnknownError
		if _, err := r.Forecast(t.Context(), fleet.Plan{Tenants: []string{"hooli"}}, nil); !errors.As(err, &unknown) {
			t.Errorf("unknown tenant: %v", err)
		}
	})
}

// TestRehearseLeavesTenantsAlone rehearses a migration that changes and deletes rows, while a scope writes to the tenant.
func TestRehearseLeavesTenantsAlone(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		r := newRehearsing(t, engine, true, dangerous, "acme", "globex")
		r.fill(t, "acme", "a", "b", "c")
		before := [][]string{r.content(t, "acme"), r.content(t, "globex")}
		file := r.file(t, "acme")
		var rehearsals []fleet.Rehearsal
		err := r.Store.Update(t.Context(), r.tenants["acme"], func(tx *gorm.DB) error {
			if err := tx.Create(&notes.Folder{Name: "not committed", Remark: "same"}).Error; err != nil {
				return err
			}
			var err error
			if rehearsals, err = r.Rehearse(t.Context(), fleet.Plan{Tenants: []string{"acme"}}, 7, nil); err != nil {
				return err
			}
			return errRefused
		})
		if !errors.Is(err, errRefused) || len(rehearsals) != 1 {
			t.Fatalf("%+v, %v", rehearsals, err)
		}
		first := rehearsals[0]
		if first.Error != "" || first.Report.From != 2 || !slices.Equal(first.Reasons, []string{"named", "the largest"}) {
			t.Fatalf("%+v", first)
		}
		var rows []int64
		for _, s := range first.Report.Migrations[0].Statements {
			rows = append(rows, s.Rows)
		}
		if !slices.Equal(rows, []int64{0, 3, 1, 0, 0}) {
			t.Errorf("the statements changed %v rows of the copy", rows)
		}
		for i, subdomain := range []string{"acme", "globex"} {
			if after := r.content(t, subdomain); !slices.Equal(after, before[i]) {
				t.Errorf("%s was %q and is %q", subdomain, before[i], after)
			}
		}
		if after := r.file(t, "acme"); file != after {
			t.Error("the tenant's file was changed")
		}
		if left := r.temporary(t); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if acme, err := r.Lifecycle.Get(t.Context(), "acme"); err != nil || acme.SchemaVersion != 2 || acme.State != tenants.StateActive {
			t.Errorf("%+v, %v", acme, err)
		}
	})
}

// file returns the content of a tenant's file, or "" on Postgres.
func (r *rehearsing) file(t *testing.T, subdomain string) string {
	t.Helper()
	if r.Kind == tenantstest.Postgres {
		return ""
	}
	content, err := os.ReadFile(r.Dir + "/tenants/" + r.tenants[subdomain].Database)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestRehearseFindsFaults has rows that a migration can't accept, and a schema that was changed by hand.
func TestRehearseFindsFaults(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		r := newRehearsing(t, engine, false, "-- +goose Up\nCREATE UNIQUE INDEX folders_remark_key ON folders (remark);\n", "acme", "globex", "initech")
		r.fill(t, "acme", "a", "b")
		r.fill(t, "initech", "a")
		r.Alter(t, r.tenants["initech"], "CREATE TABLE extra (id integer)")
		rehearsals, err := r.Rehearse(t.Context(), fleet.Plan{}, 1, nil)
		if err != nil || len(rehearsals) != 3 {
			t.Fatalf("%+v, %v", rehearsals, err)
		}
		for _, rehearsal := range rehearsals {
			want := map[string]string{"acme": "00003_more.sql", "initech": "extra"}[rehearsal.Subdomain]
			if !strings.Contains(rehearsal.Error, want) || (want == "") != (rehearsal.Error == "") {
				t.Errorf("%s: %q", rehearsal.Subdomain, rehearsal.Error)
			}
		}
	})
}

// TestCancelledRehearsalLeavesNothing cancels one while its migration runs.
func TestCancelledRehearsalLeavesNothing(t *testing.T) {
	t.Parallel()
	const endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT count(*) FROM n"
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		r := newRehearsing(t, engine, true, "-- +goose Up\nCREATE TABLE more AS "+endless+";\n", "acme")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := r.Rehearse(ctx, fleet.Plan{}, 1, nil)
			ended <- err
		}()
		wait.Until(t, "the copy", func() bool { return len(r.temporary(t)) > 0 })
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if left := r.temporary(t); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}
