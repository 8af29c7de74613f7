package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest"
)

// wantFound fails the test unless those subjects have findings of those kinds,
// and no others have any.
func wantFound(t *testing.T, found map[string]lifecycle.Finding, repaired bool, want map[string]string) {
	t.Helper()
	for subject, kind := range want {
		if f := found[subject]; f.Kind != kind || f.Repaired != repaired {
			t.Errorf("%s: %+v, want %s, repaired %t", subject, f, kind, repaired)
		}
	}
	if len(found) != len(want) {
		t.Errorf("found %+v, want %v", found, want)
	}
}

// TestDoctorGoesOnWithOperations finds what was left half done, and finishes it.
func TestDoctorGoesOnWithOperations(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "fine")
		halfMade(t, env, "half", true)
		forgotten := halfMade(t, env, "forgotten", false)
		late := purgedTenant(t, env, "late", time.Hour)
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Delete(&tenants.Operation{}, "tenant_id = ?", forgotten.ID).Error; err != nil {
				return err
			}
			return tx.Model(late).Update("remove_after", time.Now().UTC().Add(-time.Hour)).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"half": lifecycle.OperationUnfinished, "forgotten": lifecycle.CreationUnfinished, late.Subdomain: lifecycle.RemovalOverdue,
		}
		wantFound(t, examine(t, env, env.Keys, false), false, want)
		wantFound(t, examine(t, env, env.Keys, true), true, want)
		wantFound(t, examine(t, env, env.Keys, false), false, nil)
		usable(t, env, "half")
		usable(t, env, "forgotten")
	})
}

// TestDoctorKeepsDataWithoutTenant: the owner of the database is unknown, so that
// doctor reports it and leaves it alone.
func TestDoctorKeepsDataWithoutTenant(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "fine")
		lost := env.Tenant(t, "lost")
		t.Cleanup(func() {
			if err := env.Engine.Drop(context.Background(), lost); err != nil {
				t.Error(err)
			}
		})
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Delete(&tenants.Tenant{ID: lost.ID}).Error })
		if err != nil {
			t.Fatal(err)
		}
		name := objectOf(t, env, lost.ID).Name
		want := map[string]string{name: lifecycle.DatabaseWithoutTenant}
		for _, repair := range []bool{false, true, false} {
			found := examine(t, env, env.Keys, repair)
			wantFound(t, found, false, want)
			if remedy := found[name].Remedy; strings.Contains(remedy, "pg_dump") != (env.Placement == tenants.PlacementSchema) {
				t.Errorf("the remedy is %q", remedy)
			}
		}
		if conns, err := env.Engine.Open(t.Context(), lost); err != nil {
			t.Errorf("the database is gone: %v", err)
		} else if err := conns.Close(); err != nil {
			t.Error(err)
		}
	})
}

// objectOf is the database of the tenant with that id, as the engine lists it.
func objectOf(t *testing.T, env *tenantstest.Env, id string) tenants.Object {
	t.Helper()
	objects, err := env.Engine.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.TenantID == id && o.Kind == tenants.ObjectDatabase {
			return o
		}
	}
	t.Fatalf("no database of %s among %+v", id, objects)
	return tenants.Object{}
}

func TestDoctorRemovesLeftoverFiles(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "fine")
	const turn = ".01J0000000000000000000000B.tmp"
	old, half := "templates/0123456789abcdef.db", "tenants/01j0000000000000000000000a.db"+turn
	fresh := "templates/0123456789abcdef.db" + turn // another process may be writing it
	for name, age := range map[string]time.Duration{old: 0, half: 2 * time.Hour, fresh: 0} {
		path, when := filepath.Join(env.Dir, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	wantFound(t, examine(t, env, env.Keys, false), false, map[string]string{half: lifecycle.Leftover})
	ageTemplate(t, env, old)
	want := map[string]string{old: lifecycle.Leftover, half: lifecycle.Leftover}
	wantFound(t, examine(t, env, env.Keys, false), false, want)
	wantFound(t, examine(t, env, env.Keys, true), true, want)
	wantFound(t, examine(t, env, env.Keys, false), false, nil)
	if _, err := os.Stat(filepath.Join(env.Dir, fresh)); err != nil {
		t.Error(err)
	}
}

// ageTemplate has the current template be there for two hours; old is another.
func ageTemplate(t *testing.T, env *tenantstest.Env, old string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(env.Dir, "templates"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		when := time.Now().Add(-2 * time.Hour)
		if entry.Name() == filepath.Base(old) || strings.HasSuffix(entry.Name(), ".tmp") {
			continue
		}
		if err := os.Chtimes(filepath.Join(env.Dir, "templates", entry.Name()), when, when); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClearTemplates removes old templates at once, and keeps the current one.
func TestClearTemplates(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "acme")
	folder := filepath.Join(env.Dir, "templates")
	before, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0123456789abcdef.db", "fedcba9876543210.db"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := env.Lifecycle.ClearTemplates(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadDir(folder)
	if err != nil || len(after) != 1 || after[0].Name() != before[0].Name() {
		t.Errorf("left %v of %v, %v", after, before, err)
	}
	env.Tenant(t, "globex")
}

func TestDoctorRemovesRolesWithoutTenant(t *testing.T) {
	t.Parallel()
	for _, engine := range []tenantstest.Engine{tenantstest.Postgres, tenantstest.Schemas} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			testDoctorRemovesRolesWithoutTenant(t, engine)
		})
	}
}

func testDoctorRemovesRolesWithoutTenant(t *testing.T, engine tenantstest.Engine) {
	env := tenantstest.New(t, tenantstest.Options{Engine: engine, Alone: true})
	fine, lost := env.Tenant(t, "fine"), env.Tenant(t, "lost")
	drop := `DROP DATABASE "` + lost.Database + `"`
	if env.Placement == tenants.PlacementSchema {
		drop = `DROP SCHEMA "` + lost.Database + `" CASCADE`
	}
	env.Alter(t, fine, drop)
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Delete(&tenants.Tenant{ID: lost.ID}).Error })
	if err != nil {
		t.Fatal(err)
	}
	objects, err := env.Engine.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, o := range objects {
		if o.TenantID == lost.ID {
			want[o.Name] = lifecycle.RoleWithoutTenant
		}
	}
	if len(want) != 1 {
		t.Fatalf("left is %v", want)
	}
	wantFound(t, examine(t, env, env.Keys, false), false, want)
	wantFound(t, examine(t, env, env.Keys, true), true, want)
	wantFound(t, examine(t, env, env.Keys, false), false, nil)
}

// TestResealIsInTheLedger names who had it done.
func TestResealIsInTheLedger(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		key := seal.GenerateKey()
		older, newer := ring(t, key), ring(t, seal.GenerateKey(), key)
		store(t, env, acme.ID, sealed(t, older, acme.ID, "secret"))
		found, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: newer, Repair: true, By: "Ada"})
		if err != nil || len(found) == 0 || !found[0].Repaired {
			t.Fatalf("%+v, %v", found, err)
		}
		last := operations(t, env, "acme")[0]
		if last.Kind != tenants.KindReseal || last.By != "Ada" || last.State != tenants.OperationDone || last.FinishedAt == nil {
			t.Errorf("%+v", last)
		}
	})
}

// TestDoctorExaminesDatabases: a wrong version in the master is put right, a
// lost database is told of, and tenants that an operation is at are passed over.
func TestDoctorExaminesDatabases(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "fine")
		behind, lost, busy := env.Tenant(t, "behind"), env.Tenant(t, "lost"), env.Tenant(t, "busy")
		for _, gone := range []*tenants.Tenant{lost, busy} {
			if err := env.Engine.Drop(t.Context(), gone); err != nil {
				t.Fatal(err)
			}
		}
		abandon(t, env, "busy", map[string]any{"state": tenants.OperationRunning, "step": "database"})
		hold := func(tx *gorm.DB) error {
			if err := tx.Model(&tenants.Operation{}).Where("tenant_id = ?", busy.ID).Update("instance_id", env.Store.Process().ID()).Error; err != nil {
				return err
			}
			return tx.Model(behind).Update("schema_version", behind.SchemaVersion-1).Error
		}
		if err := env.Store.Master().Update(t.Context(), hold); err != nil {
			t.Fatal(err)
		}
		env.Store.Process().Hold(operations(t, env, "busy")[0].ID)
		for _, repair := range []bool{false, true} {
			found := examine(t, env, env.Keys, repair)
			if f := found["behind"]; f.Kind != string(tenants.FaultVersion) || f.Repaired != repair {
				t.Errorf("repair %t: %+v", repair, f)
			}
			if f := found["lost"]; f.Kind != string(tenants.FaultMissing) || f.Repaired {
				t.Errorf("repair %t: %+v", repair, f)
			}
			if len(found) != 2 {
				t.Errorf("repair %t: %+v", repair, found)
			}
		}
		if got, err := env.Lifecycle.Get(t.Context(), "behind"); err != nil || got.SchemaVersion != env.Engine.SchemaVersion() {
			t.Errorf("%+v, %v", got, err)
		}
		if found := examine(t, env, env.Keys, true); len(found) != 1 {
			t.Errorf("%+v", found)
		}
	})
}

// TestDoctorMendsPermissions lets others read a tenant's file, or connect to its
// database.
func TestDoctorMendsPermissions(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		env.Tenant(t, "fine")
		if env.Kind == tenantstest.SQLite {
			if err := os.Chmod(filepath.Join(env.Dir, "tenants", tenant.Database), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if env.Placement == tenants.PlacementSchema {
			env.Alter(t, tenant, `GRANT USAGE ON SCHEMA "`+tenant.Database+`" TO PUBLIC`)
		} else {
			admin, err := sql.Open("pgx", env.MasterURL)
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			if _, err := admin.ExecContext(t.Context(), `GRANT CONNECT ON DATABASE "`+tenant.Database+`" TO PUBLIC`); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]string{"acme": string(tenants.FaultPermissions)}
		wantFound(t, examine(t, env, env.Keys, false), false, want)
		wantFound(t, examine(t, env, env.Keys, true), true, want)
		wantFound(t, examine(t, env, env.Keys, false), false, nil)
	})
}

// TestDoctorTellsOfServersThatDontAnswer once each, however many tenants are there.
func TestDoctorTellsOfServersThatDontAnswer(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Wrap: func(e tenants.Engine) tenants.Engine { return silent{e} }})
	env.Tenant(t, "acme")
	env.Tenant(t, "globex")
	wantFound(t, examine(t, env, env.Keys, true), false, map[string]string{tenants.DefaultServer: lifecycle.ServerSilent})
}

// TestDoctorTellsOfFullServers once each, and not that they don't answer. Tenants that can be examined without room are.
func TestDoctorTellsOfFullServers(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Alone: true, Wrap: func(e tenants.Engine) tenants.Engine { return full{e} }})
		for _, subdomain := range []string{"acme", "globex", "hooli"} {
			env.Tenant(t, subdomain)
		}
		want := map[string]string{tenants.DefaultServer: lifecycle.ServerFull, "hooli": string(tenants.FaultPermissions)}
		wantFound(t, examine(t, env, env.Keys, false), false, want)
	})
}

// full has no room to examine a tenant, except for hooli.
type full struct{ tenants.Engine }

func (full) Examine(_ context.Context, t *tenants.Tenant) ([]tenants.Fault, error) {
	if t.Subdomain == "hooli" {
		return []tenants.Fault{{Kind: tenants.FaultPermissions, Detail: "PUBLIC may connect"}}, nil
	}
	return nil, fmt.Errorf("%w: examine %s", tenants.ErrFull, t.Subdomain)
}

// silent can't be examined.
type silent struct{ tenants.Engine }

func (silent) Examine(context.Context, *tenants.Tenant) ([]tenants.Fault, error) {
	return nil, tenants.ErrUnavailable
}

// TestDoctorSaysWhyARepairFails mends what the server doesn't let it mend. What to do about a lost database tells of files beside
// it on SQLite alone.
func TestDoctorSaysWhyARepairFails(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true, Wrap: func(e tenants.Engine) tenants.Engine { return stiff{e} }}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		env.Tenant(t, "lost")
		if f := examine(t, env, env.Keys, false)["acme"]; f.Remedy != "run with --repair to correct it" {
			t.Errorf("before the repair: %+v", f)
		}
		found := examine(t, env, env.Keys, true)
		if f := found["acme"]; f.Repaired || !strings.Contains(f.Remedy, errStiff.Error()) {
			t.Errorf("after it: %+v", f)
		}
		if f := found["lost"]; strings.Contains(f.Remedy, "-wal") != (env.Kind == tenantstest.SQLite) {
			t.Errorf("what is lost: %+v", f)
		}
	})
}

var errStiff = errors.New("must be owner of the table")

// stiff is an engine on which acme has a fault that it can't mend, and lost no database.
type stiff struct{ tenants.Engine }

// Examine finds them.
func (stiff) Examine(_ context.Context, t *tenants.Tenant) ([]tenants.Fault, error) {
	if t.Subdomain == "lost" {
		return []tenants.Fault{tenants.FaultMissing.Found("there is none")}, nil
	}
	return []tenants.Fault{tenants.FaultPermissions.Mendable("a table is another's")}, nil
}

// Mend fails.
func (stiff) Mend(context.Context, *tenants.Tenant) error { return errStiff }
