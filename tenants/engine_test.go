package tenants_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// The tests of this file are what every engine has to do, whatever it talks to.

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// handle is a tenant's database as scopes have it, for f. In a shared database f runs in a transaction: a statement outside
// of one has no tenant.
func handle(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, f func(db *gorm.DB) error) {
	t.Helper()
	conns, err := env.Engine.Open(t.Context(), tenant)
	must(t, err)
	db := env.Engine.Base().Session(&gorm.Session{NewDB: true, Context: t.Context()})
	db.Config.ConnPool, db.Statement.ConnPool = conns.Write, conns.Write
	run := f
	if env.Placement == tenants.PlacementSchema {
		run = func(db *gorm.DB) error { return db.Transaction(f) }
	}
	must(t, errors.Join(run(db), conns.Close()))
}

// mark leaves something in a tenant's database for wantMark.
func mark(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	handle(t, env, tenant, func(db *gorm.DB) error { return db.Create(&notes.Folder{Name: tenant.ID}).Error })
}

// wantMark expects what mark left, once, and that more can be written.
func wantMark(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	handle(t, env, tenant, func(db *gorm.DB) error {
		var found []notes.Folder
		if err := db.Find(&found).Error; err != nil {
			return err
		}
		if len(found) != 1 || found[0].Name != tenant.ID {
			t.Errorf("folders %+v", found)
		}
		return db.Model(&found[0]).Update("remark", "written").Error
	})
}

func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, tenants.ErrUnavailable) {
		t.Errorf("%s: got %v, want %v", what, err, tenants.ErrUnavailable)
	}
}

// twice does it twice: what is idempotent finds it done.
func twice(t *testing.T, do func(context.Context, *tenants.Tenant) error, tenant *tenants.Tenant) {
	t.Helper()
	for range 2 {
		must(t, do(t.Context(), tenant))
	}
}

func TestTrashKeepsTheData(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant, other := env.Tenant(t, "acme"), env.Tenant(t, "other")
		mark(t, env, tenant)
		mark(t, env, other)
		for range 2 { // and round again
			twice(t, env.Engine.Trash, tenant)
			_, err := env.Engine.Open(t.Context(), tenant)
			wantUnavailable(t, "open", err)
			_, err = env.Engine.Migrate(t.Context(), tenant)
			wantUnavailable(t, "migrate", err)
			wantUnavailable(t, "create", env.Engine.Create(t.Context(), tenant))
			twice(t, env.Engine.Untrash, tenant)
			wantMark(t, env, tenant)
		}
		wantMark(t, env, other)
	})
}

func TestDropRemovesWhatTrashKept(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		must(t, env.Engine.Trash(t.Context(), tenant))
		twice(t, env.Engine.Drop, tenant)
		wantUnavailable(t, "untrash", env.Engine.Untrash(t.Context(), tenant))
		must(t, env.Engine.Create(t.Context(), tenant))
		handle(t, env, tenant, func(db *gorm.DB) error {
			var n int64
			err := db.Model(&notes.Folder{}).Count(&n).Error
			if n != 0 {
				t.Errorf("a new database has %d folders", n)
			}
			return err
		})
	})
}

func TestTrashOfWhatIsNowhere(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		must(t, env.Engine.Drop(t.Context(), tenant))
		wantUnavailable(t, "trash", env.Engine.Trash(t.Context(), tenant))
		wantUnavailable(t, "untrash", env.Engine.Untrash(t.Context(), tenant))
		tenant.Database = "../" + tenant.Database
		wantUnavailable(t, "trash by a wrong name", env.Engine.Trash(t.Context(), tenant))
		wantUnavailable(t, "untrash by a wrong name", env.Engine.Untrash(t.Context(), tenant))
	})
}

// surveyed returns the objects of a tenant that Survey lists, by kind.
func surveyed(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) map[tenants.ObjectKind]tenants.Object {
	t.Helper()
	objects, err := env.Engine.Survey(t.Context())
	must(t, err)
	if !slices.IsSortedFunc(objects, func(a, b tenants.Object) int { return cmp.Compare(a.Name, b.Name) }) {
		t.Errorf("not in the order of the names: %v", objects)
	}
	found := map[tenants.ObjectKind]tenants.Object{}
	for _, o := range objects {
		if o.TenantID != tenant.ID {
			continue
		}
		if _, twice := found[o.Kind]; twice {
			t.Errorf("%+v is listed twice", o)
		}
		found[o.Kind] = o
	}
	return found
}

func TestSurveyListsWhatTenantsHave(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		mark(t, env, tenant)
		want := []tenants.ObjectKind{tenants.ObjectDatabase}
		if env.Kind == tenantstest.Postgres {
			want = append(want, tenants.ObjectRole)
		}
		found := surveyed(t, env, tenant)
		wantKinds(t, found, want...)
		wantInUse(t, env, found)

		must(t, env.Engine.Trash(t.Context(), tenant))
		want[0] = tenants.ObjectTrash
		found = surveyed(t, env, tenant)
		wantKinds(t, found, want...)
		wantInUse(t, env, found)

		must(t, env.Engine.Untrash(t.Context(), tenant))
		wantMark(t, env, tenant)
		must(t, env.Engine.Drop(t.Context(), tenant))
		wantKinds(t, surveyed(t, env, tenant))
	})
}

func wantKinds(t *testing.T, found map[tenants.ObjectKind]tenants.Object, want ...tenants.ObjectKind) {
	t.Helper()
	got := slices.Sorted(maps.Keys(found))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// wantInUse expects that Discard refuses what is a tenant's, whatever it is
// called.
func wantInUse(t *testing.T, env *tenantstest.Env, found map[tenants.ObjectKind]tenants.Object) {
	t.Helper()
	for _, o := range found {
		for _, kind := range []tenants.ObjectKind{o.Kind, tenants.ObjectTemplate, tenants.ObjectTemporary} {
			o.Kind = kind
			if err := env.Engine.Discard(t.Context(), o); !errors.Is(err, tenants.ErrInUse) {
				t.Errorf("discard %+v: %v", o, err)
			}
		}
	}
}

func TestDiscardOfWhatIsNotTheEngines(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		gone := tenants.Object{Kind: tenants.ObjectTemplate, Name: "templates/0123456789abcdef.db"}
		foreign := tenants.Object{Kind: tenants.ObjectTemporary, Name: "master.db"}
		if env.Kind == tenantstest.Postgres {
			gone.Name = "tenantry_template_0123456789abcdef"
			u, err := url.Parse(env.MasterURL)
			must(t, err)
			foreign.Name = strings.TrimPrefix(u.Path, "/")
		}
		if env.Placement == tenants.PlacementSchema {
			foreign.Name = "reports"
			env.Alter(t, &tenants.Tenant{}, "CREATE SCHEMA reports")
		}
		must(t, env.Engine.Discard(t.Context(), gone))
		if err := env.Engine.Discard(t.Context(), foreign); err == nil {
			t.Errorf("%q was discarded", foreign.Name)
		}
		if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "after"}); err != nil {
			t.Errorf("the master: %v", err)
		}
	})
}
