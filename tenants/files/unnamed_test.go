package files_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
	"tenantry/tenants/files"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
)

// TestUnnamedContents are removed where a database was replaced: not before copies of it are gone, with a copy in the backup for points
// in time. Contents that a row or a job names stay.
func TestUnnamedContents(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		in := anyBucket(t, env)
		backup, err := bucket.OpenFolder(t.TempDir())
		must(t, err)
		o := files.Options{Bucket: in, Backup: backup, Keep: time.Hour, Tenants: env.Store, MaxSize: 1 << 20}
		young := files.New(o)
		o.Grace = time.Nanosecond
		s := files.New(o)
		workers := jobs.NewWorkers()
		s.Register(workers)
		runner := jobs.New(env.Store, workers, jobs.Config{})
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		rows := map[string]files.Row{}
		for _, name := range []string{"kept", "lost", "removed"} {
			rows[name], err = keep(t, env, young, acme, name)
			must(t, err)
		}
		_, err = keep(t, env, young, globex, "of globex")
		must(t, err)
		must(t, env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
			// As a database that was put back: neither the row nor the job that copies the content is there.
			err := tx.Delete(&jobs.Row{}, "kind = 'files.backup'").Error
			return errors.Join(err, tx.Delete(&files.Row{}, "id = ?", rows["lost"].ID).Error, files.Remove(tx, rows["removed"].ID))
		}))
		there := func() (names []string) {
			for name, row := range rows {
				if _, err := content(t, files.New(files.Options{Bucket: in}), acme, row); err == nil {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			return names
		}
		step := func(what string, want ...string) {
			t.Helper()
			_, err := s.Sweep(t.Context())
			must(t, err)
			must(t, env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
				return tx.Model(&jobs.Row{}).Where("unique_key IS NOT NULL AND kind = 'files.remove'").Update("scheduled_at", time.Now().UTC()).Error
			}))
			must(t, runner.Drain(t.Context(), acme))
			if got := there(); !slices.Equal(got, want) {
				t.Errorf("%s: there are %q, want %q", what, got, want)
			}
		}
		all := []string{"kept", "lost", "removed"}
		step("without a reason to look", all...)
		var found []string
		must(t, s.EachUnnamed(t.Context(), func(u files.Unnamed) error {
			found = append(found, u.Tenant.Subdomain+" "+strings.Join(u.IDs, " "))
			return nil
		}))
		if want := []string{"acme " + rows["lost"].ID}; !slices.Equal(found, want) {
			t.Errorf("found %q, want %q", found, want)
		}
		must(t, young.EachUnnamed(t.Context(), func(u files.Unnamed) error {
			t.Errorf("contents that are young count: %+v", u)
			return nil
		}))
		kept := tenants.MigrationCopy{RunID: strings.Repeat("0", 26), TenantID: acme.ID, Server: acme.Server, Database: acme.Database, MadeAt: time.Now()}
		master := env.Store.Master()
		must(t, master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&kept).Error }))
		must(t, s.Look(t.Context(), acme.ID))
		step("with a copy of the database", all...)
		must(t, master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Delete(&kept).Error }))
		step("without", "kept", "removed")
		if got, err := content(t, s, acme, rows["lost"]); err != nil || got != "lost" {
			t.Errorf("for points in time: %q, %v", got, err)
		}
		for o, err := range in.List(t.Context(), "_") {
			t.Errorf("left: %+v, %v", o, err)
		}
		nobody := strings.Repeat("0", 26) // a tenant that is gone
		must(t, in.Put(t.Context(), nobody+"/"+nobody, strings.NewReader("")))
		must(t, s.Look(t.Context(), nobody))
		must(t, s.Look(t.Context(), strings.Repeat("1", 26))) // without files
		step("of no tenant", "kept", "removed")
		for o, err := range in.List(t.Context(), "_") {
			t.Errorf("left: %+v, %v", o, err)
		}
	})
}
