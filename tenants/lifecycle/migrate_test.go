package lifecycle_test

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// newer is the schema of notes of a build with more migrations.
func newer(t *testing.T, more map[string]string) tenants.Schema {
	t.Helper()
	schema := notes.Schema()
	for dialect, all := range schema.Migrations {
		files := fstest.MapFS{}
		names, err := fs.Glob(all, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := fs.ReadFile(all, name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: content}
		}
		for name, statement := range more {
			files[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
		}
		schema.Migrations[dialect] = files
	}
	return schema
}

// builds are two builds of the program on one master: of today, and with one more
// migration.
func builds(t *testing.T, engine tenantstest.Engine) (today, next *tenantstest.Env) {
	t.Helper()
	today = tenantstest.New(t, tenantstest.Options{Engine: engine})
	more := newer(t, map[string]string{"00900_more.sql": "CREATE TABLE more (id integer);"})
	return today, today.Beside(t, tenantstest.Options{Schema: more})
}

func folders(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (names []string, err error) {
	t.Helper()
	err = env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
		return tx.Model(&notes.Folder{}).Order("id").Pluck("name", &names).Error
	})
	return names, err
}

// TestWhatComesBackIsMigrated brings tenants to an older build's version out of
// use, and back by a newer one, in each way that there is.
func TestWhatComesBackIsMigrated(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		today, next := builds(t, engine)
		purge := func(name string) error {
			_, err := today.Lifecycle.Archive(t.Context(), "ada", name)
			if err == nil {
				_, err = today.Lifecycle.Purge(t.Context(), "ada", name, lifecycle.DefaultGrace)
			}
			return err
		}
		archive := func(name string) error { _, err := today.Lifecycle.Archive(t.Context(), "ada", name); return err }
		suspend := func(name string) error { _, err := today.Lifecycle.Suspend(t.Context(), "ada", name); return err }
		for name, way := range map[string]struct {
			leave func(name string) error
			back  func(name string) (*tenants.Tenant, error)
		}{
			"purged":    {purge, func(name string) (*tenants.Tenant, error) { return next.Lifecycle.Restore(t.Context(), "ada", name) }},
			"archived":  {archive, func(name string) (*tenants.Tenant, error) { return next.Lifecycle.Restore(t.Context(), "ada", name) }},
			"suspended": {suspend, func(name string) (*tenants.Tenant, error) { return next.Lifecycle.Resume(t.Context(), "ada", name) }},
			"active":    {func(string) error { return nil }, func(name string) (*tenants.Tenant, error) { return next.Lifecycle.Migrate(t.Context(), "ada", name) }},
		} {
			before := today.Tenant(t, name)
			err := today.Store.Update(t.Context(), before, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: name}).Error })
			if err == nil {
				err = way.leave(name)
			}
			if err != nil {
				t.Fatal(err)
			}
			back, err := way.back(name)
			if err != nil || back.State != tenants.StateActive || back.SchemaVersion != 900 {
				t.Errorf("%s: %+v, %v", name, back, err)
				continue
			}
			if names, err := folders(t, next, back); err != nil || !slices.Equal(names, []string{name}) {
				t.Errorf("%s: folders %q, %v", name, names, err)
			}
			if _, err := folders(t, today, before); !errors.Is(err, tenants.ErrSchemaVersion) {
				t.Errorf("%s: the build that can't serve it: %v", name, err)
			}
		}
	})
}

// TestMigrateWaitsForOlderBuilds has a scope run in a process of the older build.
func TestMigrateWaitsForOlderBuilds(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		today, next := builds(t, engine)
		tenant := today.Tenant(t, "acme")
		release, done := occupy(t, today.Store, tenant)
		migrated := make(chan error, 1)
		go func() {
			_, err := next.Lifecycle.Migrate(t.Context(), "ada", "acme")
			migrated <- err
		}()
		awaitNews(t, func() bool { return errors.Is(lookup(t, today, "acme"), tenants.ErrMaintenance) })
		select {
		case err := <-migrated:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		release()
		if err := errors.Join(<-done, <-migrated); err != nil {
			t.Error(err)
		}
		awaitNews(t, func() bool { return errors.Is(lookup(t, today, "acme"), tenants.ErrSchemaVersion) })
		if err := lookup(t, next, "acme"); err != nil {
			t.Error(err)
		}
		wantDone(t, next, tenant, tenants.KindMigrate, "ada")
		if _, err := today.Lifecycle.Migrate(t.Context(), "ada", "acme"); !errors.Is(err, tenants.ErrSchemaVersion) {
			t.Errorf("by the older build: %v", err)
		}
	})
}

// wantDone expects the tenant's last operation.
func wantDone(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, kind tenants.OperationKind, by string) {
	t.Helper()
	page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: tenant.ID}, "", 1)
	if err != nil || len(page) != 1 || page[0].Kind != kind || page[0].By != by || page[0].State != tenants.OperationDone {
		t.Errorf("the last operation: %+v, %v; want a %s by %s", page, err, kind, by)
	}
}

// TestMigrationsThatFail: the tenant is as it was, at the version that it has,
// unless it is unknown what was changed.
func TestMigrationsThatFail(t *testing.T) {
	t.Parallel()
	const more, broken = "CREATE TABLE more (id integer);", "CREATE TABLE half (id integer); SELECT nothing;"
	build := notes.Schema()
	latest, err := migrate.Latest(build.Migrations["sqlite"])
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		more    map[string]string
		state   tenants.State
		version int64
		served  bool // by the build of today
	}{
		"the first":             {map[string]string{"00900_a.sql": broken}, tenants.StateActive, latest, true},
		"the second":            {map[string]string{"00900_a.sql": more, "00901_b.sql": broken}, tenants.StateActive, 900, false},
		"without a transaction": {map[string]string{"00900_a.sql": "-- +goose NO TRANSACTION\n" + broken}, tenants.StateMaintenance, latest, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
				today := tenantstest.New(t, tenantstest.Options{Engine: engine})
				next := today.Beside(t, tenantstest.Options{Schema: newer(t, test.more)})
				tenant := today.Tenant(t, "acme")
				if _, err := next.Lifecycle.Migrate(t.Context(), "ada", "acme"); err == nil {
					t.Fatal("no error")
				}
				now, err := next.Lifecycle.Get(t.Context(), "acme")
				if err != nil || now.State != test.state || now.SchemaVersion != test.version {
					t.Errorf("the tenant is %s at %d, %v", now.State, now.SchemaVersion, err)
				}
				if _, err := folders(t, today, tenant); (err == nil) != test.served {
					t.Errorf("by the build of today: %v", err)
				}
				if _, err := folders(t, next, tenant); err == nil {
					t.Error("served at a version that was not reached")
				}
				found, err := next.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: next.Keys})
				if err != nil || !slices.ContainsFunc(found, func(f lifecycle.Finding) bool { return f.Subject == "acme" }) {
					t.Errorf("doctor finds %+v, %v", found, err)
				}
			})
		})
	}
}

// TestAnOlderBuildLeavesItToANewerOne takes over, in a process of the older
// build, what one of the newer build has begun.
func TestAnOlderBuildLeavesItToANewerOne(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		today, next := builds(t, engine)
		tenant := today.Tenant(t, "acme")
		died := errors.New("the process dies")
		dying := lifecycle.New(next.Store, lifecycle.Options{Interrupt: func(point string) {
			if point == "migrate/migrate/before" {
				panic(died)
			}
		}})
		func() {
			defer func() {
				if got := recover(); got != any(died) {
					t.Errorf("got %v", got)
				}
			}()
			_, _ = dying.Migrate(t.Context(), "ada", "acme")
		}()
		if err := today.Lifecycle.Recover(t.Context()); err != nil {
			t.Error(err)
		}
		for _, env := range []*tenantstest.Env{today, next} {
			if err := lookup(t, env, "acme"); !errors.Is(err, tenants.ErrMaintenance) {
				t.Errorf("not yet migrated: %v", err)
			}
		}
		if err := next.Lifecycle.Recover(t.Context()); err != nil {
			t.Error(err)
		}
		next.Store.Refresh("")
		if err := lookup(t, next, "acme"); err != nil {
			t.Error(err)
		}
		wantDone(t, next, tenant, tenants.KindMigrate, "ada")
	})
}
